//! What only computes and prints, language by language.

use super::code::Language;

#[rustfmt::skip]
pub(super) const PYTHON: Language = Language {
    name: "python",
    comment: "#",
    keywords: &[
        "and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else", "except", "False", "finally", "for",
        "from", "global", "if", "import", "in", "is", "lambda", "None", "not", "or", "pass", "raise", "return", "True", "try",
        "while", "with", "yield",
    ],
    names: &[
        "abs", "all", "any", "bin", "bool", "bytes", "chr", "dict", "divmod", "enumerate", "filter", "float", "format",
        "frozenset", "hex", "id", "int", "isinstance", "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow",
        "print", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip", "Exception", "ValueError",
        "KeyError", "SystemExit", "in", "not", "and", "or", "if", "else", "return", "elif", "while", "is", "loads", "load",
        "dumps", "datetime", "timedelta", "date", "Counter", "defaultdict", "OrderedDict", "sqrt", "b64decode", "b64encode",
        "quote", "unquote", "urlparse", "time", "pprint", "sleep", "Decimal", "Fraction",
    ],
    members: &[
        "abc", "append", "argv", "b64decode", "b64encode", "buffer", "calendar", "ceil", "choice", "Counter", "count", "date",
        "datetime", "Decimal", "decode", "defaultdict", "DictReader", "digest", "dumps", "encode", "endswith", "executable",
        "exit", "expanduser", "extend", "findall", "finditer", "find", "floor", "flush", "format", "Fraction", "fromisoformat",
        "fromkeys", "fromtimestamp", "fullmatch", "get", "getdefaultencoding", "getfqdn", "gethostbyname", "gethostname", "group",
        "groups", "hexdigest", "hostname", "index", "insert", "ip_address", "ip_network", "isalpha", "isdigit", "isoformat",
        "items", "join", "keys", "ljust", "load", "loads", "log", "log10", "log2", "lower", "lstrip", "machine", "match",
        "maxsize", "md5", "mean", "median", "monotonic", "month", "most_common", "netloc", "now", "num_addresses", "OrderedDict",
        "parse", "parse_qs", "path", "perf_counter", "pi", "platform", "pop", "pprint", "pow", "python_version", "query", "quote",
        "randint", "random", "randrange", "read", "reader", "readline", "readlines", "release", "replace", "rjust", "rsplit",
        "rstrip", "safe_load", "safe_load_all", "scheme", "search", "seconds", "setdefault", "sha1", "sha256", "sha512", "sleep",
        "sort", "split", "splitlines", "sqrt", "startswith", "stderr", "stdev", "stdin", "stdout", "strftime", "strip", "strptime",
        "sub", "time", "timedelta", "timestamp", "timezone", "title", "today", "token_hex", "token_urlsafe", "total_seconds",
        "unquote", "update", "upper", "urlencode", "urlparse", "urlsafe_b64decode", "urlsafe_b64encode", "utc", "utcfromtimestamp",
        "utcnow", "uuid4", "uuid1", "uname", "values", "version", "version_info", "weekday", "write", "year", "zfill", "day",
        "hour", "minute", "second", "hosts", "subnets", "with_prefixlen", "ZoneInfo", "gmtime", "localtime", "ctime",
        "OPENSSL_VERSION",
    ],
    modules: &[
        "base64", "binascii", "calendar", "collections", "csv", "datetime", "decimal", "difflib", "fractions", "hashlib", "hmac",
        "html", "ipaddress", "itertools", "json", "math", "platform", "pprint", "random", "re", "secrets", "socket", "ssl",
        "statistics", "string", "struct", "sys", "textwrap", "time", "unicodedata", "urllib", "uuid", "yaml", "zoneinfo",
    ],
    forbidden: &[
        "breakpoint", "compile", "copyright", "credits", "delattr", "eval", "exec", "exit", "getattr", "globals", "help", "input",
        "locals", "memoryview", "open", "quit", "setattr", "super", "type", "vars", "dir", "object", "callable", "property",
        "staticmethod", "classmethod",
    ],
    interpolates: &[],
    marks: &[],
    calls_without_brackets: false,
};

#[rustfmt::skip]
pub(super) const RUBY: Language = Language {
    name: "ruby",
    comment: "#",
    keywords: &[
        "if", "unless", "else", "elsif", "end", "do", "while", "until", "then", "and", "or", "not", "nil", "true", "false",
        "return", "next", "break",
    ],
    names: &[
        "puts", "print", "p", "pp", "printf", "format", "sprintf", "Integer", "Float", "String", "JSON", "YAML", "Time", "Date",
        "STDIN", "ARGF", "RUBY_VERSION", "RUBY_PLATFORM", "Math", "rand", "Digest", "Base64", "SHA256", "MD5", "gets", "_1", "it",
    ],
    members: &[
        "parse", "read", "to_s", "to_i", "to_f", "to_a", "to_json", "now", "strftime", "each", "map", "select", "reject", "join",
        "split", "first", "last", "size", "length", "count", "sum", "min", "max", "sort", "uniq", "keys", "values", "each_line",
        "chomp", "strip", "upcase", "downcase", "reverse", "include", "match", "gsub", "sub", "sqrt", "generate",
        "pretty_generate", "safe_load", "today", "hexdigest", "encode64", "decode64", "times", "upto", "each_with_index", "dig",
        "fetch", "inspect", "iso8601", "utc",
    ],
    modules: &["json", "yaml", "time", "date", "set", "digest", "base64"],
    forbidden: &[],
    interpolates: &["#{"],
    marks: &["`", "%x", "<<", "&:", "&method", "$"],
    calls_without_brackets: true,
};

#[rustfmt::skip]
pub(super) const SCRIPT: Language = Language {
    name: "javascript",
    comment: "//",
    keywords: &[
        "const", "let", "var", "new", "if", "else", "for", "of", "in", "while", "return", "true", "false", "null", "undefined",
        "typeof", "function",
    ],
    names: &[
        "console", "JSON", "Math", "Date", "Number", "String", "Array", "Object", "parseInt", "parseFloat", "process", "Boolean",
        "Buffer", "btoa", "atob",
    ],
    members: &[
        "log", "error", "stringify", "parse", "version", "versions", "platform", "arch", "uptime", "memoryUsage", "hrtime", "now",
        "toISOString", "toString", "getTime", "length", "join", "split", "map", "filter", "forEach", "keys", "values", "entries",
        "sort", "reverse", "slice", "trim", "toUpperCase", "toLowerCase", "includes", "indexOf", "replace", "round", "floor",
        "ceil", "random", "max", "min", "sqrt", "PI", "from", "hostname", "cpus", "totalmem", "freemem", "loadavg", "release",
        "name", "dependencies", "devDependencies", "scripts", "node", "v8", "isArray", "toFixed", "stdout", "write", "exit",
        "randomBytes", "randomUUID", "createHash", "update", "digest", "tmpdir", "homedir", "EOL", "concat", "some", "every",
        "find", "reduce", "push",
    ],
    modules: &["os", "path", "util", "url", "crypto", "querystring"],
    forbidden: &[],
    interpolates: &[],
    marks: &["`", "['", "[\"", "constructor", "prototype", "=>{", "\\u", "\\x"],
    calls_without_brackets: true,
};

#[rustfmt::skip]
pub(super) const PHP: Language = Language {
    name: "php",
    comment: "//",
    keywords: &[
        "echo", "print", "if", "else", "foreach", "for", "as", "return", "true", "false", "null", "array",
    ],
    names: &[
        "PHP_VERSION", "PHP_OS", "PHP_EOL", "PHP_INT_MAX", "phpversion", "json_encode", "json_decode", "date", "time", "microtime",
        "strlen", "strtoupper", "strtolower", "count", "implode", "explode", "in_array", "array_keys", "array_values", "round",
        "floor", "ceil", "max", "min", "sqrt", "rand", "md5", "sha1", "hash", "base64_encode", "base64_decode", "var_dump",
        "print_r", "printf", "sprintf", "php_sapi_name", "php_uname", "memory_get_usage", "extension_loaded", "ini_get",
        "php_ini_loaded_file", "get_loaded_extensions", "JSON_PRETTY_PRINT", "trim", "str_replace", "substr", "number_format",
    ],
    members: &[],
    modules: &[],
    forbidden: &[],
    interpolates: &["$", "{"],
    marks: &["`", "$", "<?", "::", "->"],
    calls_without_brackets: true,
};

#[rustfmt::skip]
pub(super) const LUA: Language = Language {
    name: "lua",
    comment: "--",
    keywords: &[
        "and", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "return",
        "then", "true", "while",
    ],
    names: &[
        "print", "math", "string", "tostring", "tonumber", "type", "pairs", "ipairs", "_VERSION", "table",
    ],
    members: &[
        "floor", "ceil", "sqrt", "pi", "random", "max", "min", "format", "upper", "lower", "len", "sub", "rep", "reverse",
        "concat", "sort", "insert",
    ],
    modules: &[],
    forbidden: &[],
    interpolates: &[],
    marks: &["[[", "[=", "_G", "_ENV"],
    calls_without_brackets: true,
};
