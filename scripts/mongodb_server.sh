#!/bin/sh
# Obtains a server of the MongoDB protocol for this machine, and runs it.
#
#   mongodb_server.sh                             obtain one into var/servers, and say which
#   mongodb_server.sh which                       say which one there is; 1 when there is none
#   mongodb_server.sh run ADDRESS PORT FOLDER     become that server, which keeps what it holds in FOLDER
#
# In this order: FerretDB built by Go (on SQLite), an installed mongod, mongo-java-server (which forgets at
# its end). With MONGODB_PASSWORD set, `run` lets in nobody but the user `cadence`: FerretDB makes that user,
# mongod lets the first who comes from this machine make it, mongo-java-server cannot ask for passwords.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
servers=$here/../var/servers
ferretdb=$servers/ferretdb
jars=$servers/mongo-java-server
version=$(sed -n 's|^require github.com/FerretDB/FerretDB ||p' "$here/mongodb/go.mod")
maven=https://repo1.maven.org/maven2

which_one() {
    if [ -x "$ferretdb" ]; then echo ferretdb
    elif command -v mongod >/dev/null; then echo mongod
    elif [ -f "$jars/complete" ] && command -v java >/dev/null; then echo mongo-java-server
    else return 1
    fi
}

obtain() {
    # A mongod that is installed is taken before FerretDB is built, once Go cannot build it.
    [ -x "$ferretdb" ] || build_ferretdb || command -v mongod >/dev/null || [ -f "$jars/complete" ] || fetch_jars || true
    if found=$(which_one); then
        echo "MongoDB protocol: $found"
    else
        echo "MongoDB protocol: no server; install Go 1.24, MongoDB or Java 17, then run $0 again" >&2
        return 1
    fi
}

build_ferretdb() {
    command -v go >/dev/null || { echo "FerretDB: Go is not installed"; return 1; }
    echo "FerretDB $version: fetching its source"
    source=$servers/ferretdb-source
    rm -rf "$source" && mkdir -p "$servers"
    # Not `go install`, which asks the registry for a list of versions that not every mirror gives; go.sum
    # says what must come.
    told=$(cd "$here/mongodb" && GOFLAGS=-mod=mod go mod download -json github.com/FerretDB/FerretDB) || return 1
    cp -R "$(printf '%s' "$told" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')" "$source" || return 1
    chmod -R u+w "$source"
    # Without this file it does not start; released builds have it.
    echo "$version" >"$source/build/version/version.txt"
    echo "FerretDB $version: building, which takes a minute or two"
    (cd "$source" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -v -trimpath -ldflags="-s -w" -o "$ferretdb.new" ./cmd/ferretdb 2>&1) |
        awk -v every=100 '/^go: |error|cannot/ { print } NR % every == 0 { print "FerretDB: " NR " packages built"; fflush() }'
    chmod -R u+w "$source" && rm -rf "$source"
    [ -x "$ferretdb.new" ] && mv "$ferretdb.new" "$ferretdb"
}

fetch_jars() {
    command -v java >/dev/null || { echo "mongo-java-server: Java is not installed"; return 1; }
    command -v curl >/dev/null || { echo "mongo-java-server: curl is not installed"; return 1; }
    mkdir -p "$jars"
    while read -r sum path; do
        file=$jars/${path##*/}
        echo "mongo-java-server: fetching ${path##*/}"
        curl -fsSL --retry 3 -o "$file" "$maven/$path" || return 1
        echo "$sum  $file" | sha256sum -c --quiet - || return 1
    done <"$here/mongodb/jars.sha256"
    touch "$jars/complete"
}

run() {
    address=$1 port=$2 folder=$3 password=${MONGODB_PASSWORD:-}
    unset MONGODB_PASSWORD
    mkdir -p "$folder"
    case $(which_one) in
    ferretdb)
        # By the environment, where other users of the machine do not see a password.
        [ -z "$password" ] || export FERRETDB_TEST_ENABLE_NEW_AUTH=true FERRETDB_SETUP_DATABASE=admin \
            FERRETDB_SETUP_USERNAME=cadence FERRETDB_SETUP_PASSWORD="$password"
        exec "$ferretdb" --handler=sqlite --sqlite-url="file:$folder/" --state-dir="$folder" \
            --listen-addr="$address:$port" --debug-addr=- --telemetry=disable --log-level=WARN ;;
    mongod)
        exec mongod --bind_ip "$address" --port "$port" --dbpath "$folder" --unixSocketPrefix "$folder" \
            ${password:+--auth} ;;
    mongo-java-server)
        exec java -Xmx256m -cp "$jars/*" "$here/mongodb/Serve.java" "$address" "$port" ;;
    *)
        echo "no server of the MongoDB protocol: run $0" >&2
        exit 1 ;;
    esac
}

case ${1:-obtain} in
obtain) obtain ;;
which) which_one ;;
run) shift && run "$@" ;;
*) sed -n 's/^#   //p' "$0" >&2 && exit 2 ;;
esac
