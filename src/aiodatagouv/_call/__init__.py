"""The path of a call: options, call, caller, pipeline, auth, session, redirects, responses."""
