"""What is known of posted prices: on a continuum and on a grid."""
