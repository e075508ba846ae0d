"""What happens when nobody takes an alert on: who hears of it next, and when."""
