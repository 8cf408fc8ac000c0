import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { size } from '../../support/sizes.ts';
import { until } from '../../support/until.ts';
import { run } from '../support/syscribe.ts';

const PROGRAMS = fileURLToPath(new URL('../programs/.output/', import.meta.url));

/** A program and how to tell that it did its work. */
export interface Workload {
  readonly name: string;
  /** Makes what the program needs in `directory`, an empty one, and gives its command line. */
  readonly prepare: (directory: string) => readonly string[];
  /** Works with the program while it runs, and ends it; for servers. `ended` tells that it is gone. */
  readonly drive?: (directory: string, ended: () => boolean) => Promise<void>;
  /** Throws unless the work was done. */
  readonly check?: (directory: string, stdout: string) => void;
  /** Run as this user. */
  readonly uid?: number;
  readonly exitCode?: number;
  /** How often it is traced at first, where each time takes long and shows the same. */
  readonly traces?: number;
}

function shell(name: string, script: string, expected: RegExp): Workload {
  return {
    name,
    prepare: (directory) => ['sh', '-e', '-c', script, 'sh', directory],
    check: (_directory, stdout) => assert.match(stdout, expected),
  };
}

function python(name: string, script: string, expected: RegExp): Workload {
  return {
    name,
    prepare: (directory) => ['/usr/bin/python3', '-I', '-c', script, directory],
    check: (_directory, stdout) => assert.match(stdout, expected),
  };
}

export function program(name: string, ...args: string[]): string[] {
  return [join(PROGRAMS, name), ...args];
}

/** While the program runs. */
async function ready(condition: () => Promise<boolean> | boolean, ended: () => boolean): Promise<void> {
  const over = () => (ended() ? 'the program has ended' : undefined);
  // An emulated machine takes its time.
  await until('the program is ready', condition, { over, seconds: 250 });
}

async function succeeds(file: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(file, ...args);
  assert.equal(code, 0, `${file}: ${stderr}`);
  return stdout;
}

const nginx: Workload = {
  name: 'nginx under load',
  prepare: (directory) => {
    for (const name of ['html', 'logs', 'body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'html', 'index.html'), 'served\n');
    writeFileSync(join(directory, 'html', 'large'), 'x'.repeat(3_000_000));
    writeFileSync(
      join(directory, 'nginx.conf'),
      `user root; worker_processes 1; pid ${directory}/pid; error_log ${directory}/logs/error;
events { worker_connections 64; }
http { access_log ${directory}/logs/access; sendfile on; gzip on; client_body_temp_path ${directory}/body;
proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi;
scgi_temp_path ${directory}/scgi;
server { listen unix:${directory}/socket; root ${directory}/html; } }
`,
    );
    return ['nginx', '-p', directory, '-c', join(directory, 'nginx.conf'), '-g', 'daemon off;'];
  },
  drive: async (directory, ended) => {
    const socket = join(directory, 'socket');
    await ready(() => existsSync(socket) && existsSync(join(directory, 'pid')), ended);
    const get = (path: string, ...more: string[]) =>
      succeeds('curl', '-sS', '--unix-socket', socket, ...more, `http://localhost/${path}[1-40]`.replace('[1-40]', ''));
    assert.equal(await get(''), 'served\n');
    for (let count = 0; count < 3; count += 1) {
      assert.equal((await get('large')).length, 3_000_000);
      assert.match(await get('nothing'), /404 Not Found/);
      await get('', '--compressed', '-H', 'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT');
    }
    process.kill(Number(readFileSync(join(directory, 'pid'), 'utf8')), 'SIGQUIT');
  },
};

const redis: Workload = {
  name: 'redis-server under redis-benchmark',
  prepare: (directory) => {
    const settings = ['--port', '0', '--unixsocket', join(directory, 'socket'), '--dir', directory, '--save', ''];
    return ['redis-server', ...settings, '--appendonly', 'yes', '--daemonize', 'no'];
  },
  drive: async (directory, ended) => {
    const socket = join(directory, 'socket');
    await ready(
      async () => existsSync(socket) && (await run('redis-cli', '-s', socket, 'ping')).stdout === 'PONG\n',
      ended,
    );
    await succeeds('redis-benchmark', '-s', socket, '-n', '2000', '-q', '-t', 'ping,set,get,lpush');
    await run('redis-cli', '-s', socket, 'shutdown');
  },
};

const POSTGRES = `
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
"$bin/initdb" -D "$1/data" -A trust -N >/dev/null
"$bin/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c autovacuum=off >"$1/log" 2>&1 &
until "$bin/pg_isready" -q -h "$1"; do :; done
"$bin/pgbench" -h "$1" -i -q postgres 2>/dev/null
"$bin/pgbench" -h "$1" -t 20 postgres 2>/dev/null | grep 'actually processed'
kill -INT $!
wait $!
`;

const GCC = `
printf '#include <stdio.h>\\nint main(void) { puts("compiled"); return 0; }\\n' >"$1/a.c"
gcc -O2 -pipe -o "$1/a" "$1/a.c"
"$1/a"
`;

const GIT = `
export HOME="$1" GIT_CONFIG_NOSYSTEM=1
cd "$1"
git init -q .
git config user.email a@b; git config user.name n; git config gc.auto 0
echo one >file; git add file; git commit -qm one
echo two >>file; git commit -qam two
git gc -q
git log --oneline | wc -l
`;

const FILE_TOOLS = `
cd "$1"
mkdir d; echo text >d/a; cp -a d e; mv e f; ln -s a d/l; ln d/a d/h; chmod 600 d/a; touch -d 2020-01-01 d/a
find . -type f | sort | xargs cat | wc -l; ls -lR >/dev/null; du -s . >/dev/null; stat d/a >/dev/null; rm -r d f
`;

const PYTHON_SOCKETS = `
import socket, threading
server = socket.create_server(('127.0.0.1', 0))
def serve():
    peer, _ = server.accept(); peer.sendall(peer.recv(100).upper()); peer.close()
thread = threading.Thread(target=serve); thread.start()
client = socket.create_connection(server.getsockname()); client.sendall(b'hello'); print(client.recv(100)); thread.join()
`;

const PYTHON_PROCESSES = `
import concurrent.futures, os, subprocess, sys
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    out = list(pool.map(lambda n: subprocess.run(['expr', str(n), '+', '1'], capture_output=True).stdout, range(6)))
os.symlink('x', sys.argv[1] + '/link')
print(b''.join(out))
`;

const NODE = `
import { createServer, get } from 'node:http';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
await Promise.all(Array.from({ length: 20 }, () => readFile('/proc/self/stat')));
const server = createServer((_, reply) => reply.end('served')).listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, agent: false }, (reply) => reply.on('data', (data) => {
    console.log(String(data), spawnSync('echo', ['child']).stdout.toString());
    server.close();
  }));
});
`;

const NOBODY = 65534;

export const WORKLOADS: readonly Workload[] = [
  shell('file tools', FILE_TOOLS, /^3\n$/),
  shell('tar', 'cd "$1"; mkdir d; echo x >d/f; tar czf a.tar.gz d; rm -r d; tar xzf a.tar.gz; cat d/f', /^x\n$/),
  shell('git', GIT, /^2\n$/),
  shell('gcc', GCC, /^compiled\n$/),
  python('python: sockets', PYTHON_SOCKETS, /b'HELLO'/),
  python('python: threads that start subprocesses', PYTHON_PROCESSES, /1\\n2\\n3\\n4\\n5\\n6\\n/),
  {
    name: 'node',
    // One thread of V8's: with more, a contended lock makes it sleep in one run of four. libuv's four threads stay.
    prepare: () => [process.execPath, '--single-threaded', '--input-type=module', '-e', NODE],
    check: (_directory, stdout) => assert.match(stdout, /served child/),
  },
  shell('sqlite3', 'sqlite3 "$1/db" "create table t(a); insert into t values(42); select a from t;"', /^42\n$/),
  shell('a shell pipeline', 'seq 1000 | grep 7 | sort -rn | head -n 1 | tr 7 x', /^99x\n$/),
  nginx,
  redis,
  {
    ...shell('postgres: initdb and pgbench', POSTGRES, /20\/20/),
    uid: NOBODY,
  },
  {
    name: 'a daemon that forks twice',
    prepare: (directory) => program('daemon', directory),
    drive: (directory, ended) => ready(() => existsSync(join(directory, 'done')), ended),
  },
  {
    name: 'vfork, posix_spawn and clone3',
    prepare: (directory) => program('spawn', directory),
    check: (directory) => assert.ok(existsSync(join(directory, 'vfork')) && existsSync(join(directory, 'clone3'))),
  },
  {
    name: 'a set-user-ID program',
    prepare: (directory) => {
      const copy = join(directory, 'privileged');
      copyFileSync(join(PROGRAMS, 'privileged'), copy);
      chownSync(copy, 0, 0);
      chmodSync(copy, 0o4755);
      chmodSync(directory, 0o755);
      return [copy];
    },
    uid: NOBODY,
    check: (_directory, stdout) => assert.match(stdout, /uid 65534 euid 0/),
  },
  {
    name: 'a static i386 program',
    prepare: () => program('i386'),
    check: (_directory, stdout) => assert.equal(stdout, 'i386 done\n'),
    exitCode: 0,
  },
  { name: 'i386 processes that fork and execute a 64-bit program', prepare: () => program('i386-fork', '/bin/true') },
  { name: 'an x32 call', prepare: () => program('x32'), exitCode: x32Exit() },
  {
    name: 'a thread that executes a program',
    prepare: (directory) => program('thread-exec', join(directory, 'made')),
    check: (directory) => assert.ok(existsSync(join(directory, 'made'))),
  },
  { name: 'many short-lived processes', prepare: () => program('short-lived', `${size('SHORT_LIVED')}`), traces: 2 },
];

/** 2 where the kernel has no x32: the call is made all the same, and answered with ENOSYS. */
function x32Exit(): number {
  return /CONFIG_X86_X32_ABI=y/.test(kernelConfiguration()) ? 0 : 2;
}

function kernelConfiguration(): string {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  return existsSync(`/boot/config-${release}`) ? readFileSync(`/boot/config-${release}`, 'utf8') : '';
}
