"""Reports as pages: what stands on one (`page`), how it is drawn (`charts`), and a module per script."""
