"""Every bound of the product, in one place: what is past one is refused with a clear error."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

# Documents and what comes in over HTTP, in bytes.
PLAN_BYTES = 1 * MIB
PARAMS_BYTES = 256 * KIB
HOOK_BYTES = 256 * KIB
REQUEST_BYTES = 4 * MIB  # of anything that comes in over HTTP or a WebSocket; above what each call takes
REQUEST_S = 60.0  # in which a request must have come as a whole
UNREAD_S = 60.0  # in which a client must have read what it was sent, before it gets more of an answer

# The shape of a plan.
PLAN_STEPS = 1_000
PLAN_LEVELS = 100  # nesting of a document, and the longest chain of YAML anchors
PLAN_NODES = 100_000  # values in a document, its aliases written out
PLAN_PROBLEMS = 100  # reported at once
TITLE_CHARS = 500
SLUG_CHARS = 100
COMMENT_CHARS = 2_000  # that go with a decision
PRIORITY_MAX = 1_000_000  # of a run, either way
LANE_LIMIT_MAX = 10_000  # runs at once

# Expressions: the text, the nodes that one evaluation may visit, and any value it makes.
EXPRESSION_BYTES = 4 * KIB
EXPRESSION_NODES = 10_000
EXPRESSION_LEVELS = 100  # of the parsed expression; keeps the recursion of the evaluator small
EXPRESSION_BRACKETS = 20  # one inside another; the parser takes 14 frames of Python's stack for each
VALUE_BYTES = 1 * MIB
RENDERED_BYTES = 4 * MIB  # all values that the expressions of one step's arguments make together
INTEGER_MAX = 2**63 - 1

# Regular expressions: what a search takes may have no bound of its own.
PATTERN_CHARS = 4 * KIB
PATTERN_S = 1.0  # of a schema, for one text
PATTERNS_S = 4.0  # of a schema, for all texts of one request

# What a step may leave behind.
OUTPUT_BYTES = 1 * MIB  # inline; more becomes an artifact
STREAM_TAIL_BYTES = 64 * KIB  # stdout and stderr as outputs: the last of each
LOG_BYTES = 64 * MIB  # per step, then cut, and said so
LOG_CHUNK_BYTES = 64 * KIB
ARTIFACT_BYTES = 1 * GIB
PICTURE_PIXELS = 50_000_000  # are drawn; each takes four bytes of a browser

# Time, in seconds.
STEP_TIMEOUT_S = 3600.0  # a step that names none
STEP_TIMEOUT_MAX_S = 7 * 24 * 3600.0
WAIT_MAX_S = 366 * 24 * 3600.0
APPROVAL_TIMEOUT_S = 24 * 3600.0

# Attempts.
MAX_ATTEMPTS = 4  # tries: the first and three retries
ATTEMPTS_CEILING = 100
LOST_ATTEMPTS = 3  # then a person decides
BACKOFF_INITIAL_S = 5.0
BACKOFF_FACTOR = 2.0
BACKOFF_MAX_S = 300.0

# Numbers that come as text: in addresses, headers and messages.
ID_MAX = 2**63 - 1  # of a row
NUMBER_MAX = 2**31 - 1  # of an event, an attempt, a version: what an integer column holds
LOG_PLACE_MAX = 10**15 - 1  # lines and bytes of a log
TIMESTAMP_MAX = 10**15 - 1  # seconds since 1970

# Lists.
PAGE_DEFAULT = 50
PAGE_MAX = 200
