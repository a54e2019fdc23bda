"""Where requests part: `/v2/` to the registry, everything else to the page, loaded when it is first asked for.

A registry that nobody looks at starts sooner, and without what it takes to read components.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.catalogue.catalogue import Catalogue
    from registry_shim.page.facts import Judge
    from registry_shim.page.site import Site
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request, Response
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store


class Door:
    """A `Service` in front of a registry and its page.

    `service` is the registry as clients see it, `store` what is behind it, `catalogue` the file to remember in.
    `registry` is what people call it; `judge` says where a tag stands, None without a policy; `is_public` whether
    there is anything to see without a password, None where nobody is asked for one.
    """

    def __init__(
        self,
        service: Service,
        store: Store,
        catalogue: Path,
        registry: str,
        judge: Judge | None = None,
        is_public: Callable[[], bool] | None = None,
    ) -> None:
        self._service = service
        self._store = store
        self._path = catalogue
        self._registry = registry
        self._judge = judge
        self._is_public = is_public
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None
        self._site: Site | None = None

    def is_immediate(self, request: Request) -> bool:
        """See Service. Pages read too much to be."""
        return _is_for_registry(request.path) and self._service.is_immediate(request)

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        if _is_for_registry(request.path):
            return self._service.begin(request)
        return self._page().answer(request)

    def close(self) -> None:
        """Let go of the catalogue."""
        with self._lock:
            if self._catalogue is not None:
                self._catalogue.close()
            self._catalogue = self._site = None

    def _page(self) -> Site:
        from registry_shim.catalogue.catalogue import Catalogue
        from registry_shim.page.site import Site

        with self._lock:
            if self._site is None:
                self._catalogue = Catalogue(self._store, self._path)
                self._site = Site(self._service, self._catalogue, self._registry, self._judge, self._is_public)
            return self._site


def _is_for_registry(path: str) -> bool:
    return path == "/v2" or path.startswith("/v2/")
