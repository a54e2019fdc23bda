"""Pictures of a composition: SVG for people, mermaid and dot for other programs. Pure: a plan in, text out."""
