"""Artifact -> checked -> mapped read-only and executable."""
