"""How a quality curve is measured: tasks, engines, verifiers, estimators, raw records and tables of them."""
