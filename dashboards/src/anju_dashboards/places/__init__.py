"""Places and the plan, as installers keep them."""
