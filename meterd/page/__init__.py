"""The page: why is a meter not being read, on one screen; for people with a browser, and for what asked a WCC Lite.

Rules of this room: it shows and asks what the daemon knows and can, and knows nothing of its own; whatever grows with
the meters is made in portions; no answer holds a secret; nothing is changed unless `guard` agrees. The files in
`static` are served as they are and load nothing from elsewhere.

| module | does |
|---|---|
| `site` | which path is answered by whom |
| `guard` | who may look and who may change: password, sessions, other sites, rates |
| `meters` | rows of meters and signals, the worst first |
| `advice` | what to try, by reason |
| `frames` | the last conversation of each meter, explained |
| `events` | the event log, filtered, as CSV |
| `place` | ports, sinks, the configuration as it takes effect |
| `live` | what changed, told to those who follow |
| `wcclite` | the endpoints of a WCC Lite |
| `forms` | what a request's query and body say |
| `files` | the page's own files |
"""
