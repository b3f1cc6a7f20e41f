"""The console: web pages over the services. docs/explanation/architecture.md says where a page's parts go."""
