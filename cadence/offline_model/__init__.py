"""The rule-based stand-in model that ships with Cadence; it is no LLM and never says it is one.

Public name: `cadence.offline_model.router.build_router`. It returns the routes that speak OpenAI
Chat Completions and Gemini `generateContent`, to be included under the prefix `/offline`. The
rules behind it are pure: `cadence.offline_model.deciding.decide` turns a
`cadence.offline_model.request.Request` into a `Decision` without any I/O.
"""
