"""The store: repositories as OCI image layouts on disk. Synchronous; knows nothing of HTTP.

On disk (image-spec v1.1.1 `image-layout.md`, readable by any tool that reads layouts)::

    ROOT/.lock                                      held by the process that serves the root
    ROOT/<repository>/oci-layout                    a repository exists when this does
    ROOT/<repository>/index.json                    manifests and tags, as of the last compaction
    ROOT/<repository>/_subjects.json                what an index cannot say of them; can be lost without harm
    ROOT/<repository>/index.log                     what has changed since, one JSON line per change
    ROOT/<repository>/blobs/<algorithm>/<encoded>   blobs and manifests
    ROOT/<repository>/_uploads/<session>            what an upload session has received so far
    ROOT/<repository>/_uploads/tmp-<id>             a file being written; swept when the repository is opened
    ROOT/<repository>/_quarantine/<name>            what was found damaged

Rules: bytes are hashed as they come, written aside, synced, renamed, and their directory is synced; only
then may an answer promise them. The journal's line is the moment at which a manifest or tag exists.
"""
