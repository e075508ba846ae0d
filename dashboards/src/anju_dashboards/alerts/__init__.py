"""The page of one alert, and the history of all."""
