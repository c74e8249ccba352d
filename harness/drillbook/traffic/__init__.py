"""Traffic: the customers of the system under drill, as Locust users in a process of their own."""
