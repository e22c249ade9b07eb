"""Who plays: learners for the repeated markets of `ttc_env`. Not installed; used from a checkout."""
