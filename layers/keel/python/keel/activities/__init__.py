"""Activities: the calls, emails and meetings on the timeline."""
