#!/bin/sh
# Installs the migration tools of others into a folder, by their own registries' clients:
#   scripts/prove-tools.sh DIR
# Afterwards DIR/bin has flyway, liquibase, alembic, django-admin, prisma and sqlx. What is there
# already is kept. Atlas is not among them: its program can be built from its repository only.
#
# `cargo xtask prove tools` runs the tests that use them.
set -eu
dir=$1
mkdir -p "$dir/bin" "$dir/java"
dir=$(cd "$dir" && pwd)

if [ ! -x "$dir/bin/alembic" ]; then
    python3 -m venv "$dir/python"
    "$dir/python/bin/pip" -q install 'alembic==1.16.5' 'sqlalchemy==2.0.43' 'django==5.2.6' 'psycopg[binary]==3.2.10'
    ln -sf ../python/bin/alembic ../python/bin/django-admin ../python/bin/python "$dir/bin/"
fi

if [ ! -x "$dir/bin/flyway" ]; then
    cat >"$dir/java/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>prove</groupId><artifactId>tools</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.flywaydb</groupId><artifactId>flyway-core</artifactId><version>11.13.1</version></dependency>
    <dependency><groupId>org.flywaydb</groupId><artifactId>flyway-database-postgresql</artifactId><version>11.13.1</version></dependency>
    <dependency><groupId>org.liquibase</groupId><artifactId>liquibase-core</artifactId><version>4.33.0</version></dependency>
    <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.7.7</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.17</version></dependency>
  </dependencies>
</project>
POM
    (cd "$dir/java" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib)
    cat >"$dir/java/Tool.java" <<'JAVA'
import java.sql.DriverManager;
import java.nio.file.Path;
import liquibase.Liquibase;
import liquibase.database.DatabaseFactory;
import liquibase.database.jvm.JdbcConnection;
import liquibase.resource.DirectoryResourceAccessor;
import org.flywaydb.core.Flyway;

/** What the tools' own command lines do: `flyway FOLDER`, `liquibase FOLDER CHANGELOG`. */
public class Tool {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("flyway")) {
            Flyway.configure().envVars().locations("filesystem:" + args[1]).load().migrate();
            return;
        }
        var env = System.getenv();
        try (var connection = DriverManager.getConnection(env.get("LIQUIBASE_COMMAND_URL"), env.get("LIQUIBASE_COMMAND_USERNAME"), env.get("LIQUIBASE_COMMAND_PASSWORD"))) {
            var database = DatabaseFactory.getInstance().findCorrectDatabaseImplementation(new JdbcConnection(connection));
            new Liquibase(args[2], new DirectoryResourceAccessor(Path.of(args[1])), database).update("");
        }
    }
}
JAVA
    (cd "$dir/java" && javac -cp 'lib/*' Tool.java)
    for tool in flyway liquibase; do
        printf '#!/bin/sh\nexec java -cp "%s/java:%s/java/lib/*" Tool %s "$@"\n' "$dir" "$dir" "$tool" >"$dir/bin/$tool"
        chmod +x "$dir/bin/$tool"
    done
fi

if [ ! -x "$dir/bin/prisma" ]; then
    mkdir -p "$dir/prisma"
    (cd "$dir/prisma" && npm install --silent --no-audit --no-fund --ignore-scripts prisma@6.19.0 @prisma/adapter-pg@6.19.0)
    # Its engines as WebAssembly come with the package; naming files in place of the native ones keeps
    # it from fetching those from elsewhere.
    touch "$dir/prisma/no-engine"
    cat >"$dir/bin/prisma" <<END
#!/bin/sh
export CHECKPOINT_DISABLE=1
export PRISMA_QUERY_ENGINE_LIBRARY="$dir/prisma/no-engine" PRISMA_SCHEMA_ENGINE_BINARY="$dir/prisma/no-engine"
exec node "$dir/prisma/node_modules/prisma/build/index.js" "\$@"
END
    chmod +x "$dir/bin/prisma"
fi

if [ ! -x "$dir/bin/sqlx" ]; then
    cargo install --quiet --debug --locked --root "$dir/sqlx" --no-default-features --features postgres sqlx-cli@0.9.0
    ln -sf ../sqlx/bin/sqlx "$dir/bin/sqlx"
fi
