"""Where articles come from: adding, importing and exporting sources, their health, and when each is read."""
