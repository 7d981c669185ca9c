"""Official test scripts (.wast): they are parsed in wasm/text, and run here on the public API."""
