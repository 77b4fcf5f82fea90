"""The transfer methods, one module each: a function from the environment to the events of one step."""
