"""Views of Traefik: what its pods are told, which routes and middlewares they take up, and who answers a request.

As Traefik 3.7 does it (its pkg/muxer/http, pkg/provider/kubernetes/crd and pkg/config/static). A route that names a
middleware or a Service that is not there is left out, and the next one answers: so rules ask who answers a request, not
what stands in the route that was meant for it.
"""
