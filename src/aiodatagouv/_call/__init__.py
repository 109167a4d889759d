"""The path of a call: options, call, caller, pipeline, auth, transport, redirects, responses."""
