"""The local Azure Functions host: runs an app inside Microsoft's own Python runtime.

What loads and calls the app's functions is ``azure_functions_runtime_v1``, the code that does it
in Azure. What is written here is the other side of that conversation, the host: it reads the
app's configuration, listens to HTTP, queues and schedules, and asks the runtime to invoke.
"""
