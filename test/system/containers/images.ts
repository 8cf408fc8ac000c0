import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const IMAGE_NAMES = ['busybox', 'nginx', 'redis'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

interface Recipe {
  /** Debian packages, and the programs of theirs that are copied with the libraries they need. */
  readonly packages: readonly string[];
  readonly programs: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

const NGINX_CONFIG = `daemon off; worker_processes 2; pid /run/nginx.pid; error_log stderr;
events { worker_connections 64; }
http {
  access_log /run/access.log; sendfile on; gzip on; default_type text/plain;
  client_body_temp_path /run/body; proxy_temp_path /run/proxy; fastcgi_temp_path /run/fastcgi;
  uwsgi_temp_path /run/uwsgi; scgi_temp_path /run/scgi;
  server { listen 127.0.0.1:80; root /srv; }
}
`;

const RECIPES: Readonly<Record<ImageName, Recipe>> = {
  busybox: { packages: ['busybox-static'], programs: [] },
  nginx: {
    packages: ['nginx-light', 'busybox-static'],
    programs: ['/usr/sbin/nginx'],
    files: { 'etc/nginx.conf': NGINX_CONFIG, 'srv/index.html': 'served\n', 'srv/large': 'x'.repeat(3_000_000) },
  },
  redis: { packages: ['redis-server', 'busybox-static'], programs: ['/usr/bin/redis-server'] },
};

const FILES = {
  'etc/passwd': 'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  'etc/group': 'root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'etc/hosts': '127.0.0.1 localhost\n',
};
/** Where the runtime mounts, and where programs expect a directory. */
const DIRECTORIES = ['bin', 'dev', 'etc', 'proc', 'run', 'srv', 'sys', 'tmp', 'var/log/nginx', 'var/lib/nginx'];
const BUSYBOX = '/bin/busybox';

/** Where what tests build is kept between runs, outside the repository. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'syscribe');
}

/** The root directory of an image, made of the installed Debian packages the first time; nobody may write to it. */
export function imageRoot(name: ImageName): string {
  const { packages, programs, files = {} } = RECIPES[name];
  const sources = [...new Set([BUSYBOX, ...programs, ...programs.flatMap(libraries)])];
  for (const source of sources)
    if (!existsSync(source)) throw new Error(`${source} is missing: apt-get install ${packages.join(' ')}`);
  const contents = { ...FILES, ...files };
  const root = join(cacheDirectory(), `root-${name}-${digest(sources, contents)}`);
  if (existsSync(root)) return root;

  mkdirSync(cacheDirectory(), { recursive: true });
  const building = mkdtempSync(join(cacheDirectory(), 'building-'));
  for (const directory of DIRECTORIES) mkdirSync(join(building, directory), { recursive: true });
  for (const source of sources) copy(source, join(building, source));
  for (const [path, text] of Object.entries(contents)) writeFileSync(join(building, path), text);
  for (const applet of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    if (applet !== 'busybox') symlinkSync('busybox', join(building, 'bin', applet));
  chmodSync(building, 0o755);
  try {
    renameSync(building, root);
  } catch (error) {
    rmSync(building, { recursive: true });
    if (!existsSync(root)) throw error; // Else somebody else has just made it.
  }
  return root;
}

/** The dynamic linker and the libraries of a program, in ldd(1)'s words. */
function libraries(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

function copy(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target); // What a link points to.
  chmodSync(target, 0o755);
}

/** Changes with the packages and with this file's recipe. */
function digest(sources: readonly string[], contents: Readonly<Record<string, string>>): string {
  const versions = sources.map((source) => [source, statSync(source).size, statSync(source).mtimeMs]);
  return createHash('sha256')
    .update(JSON.stringify([versions, contents, DIRECTORIES]))
    .digest('hex')
    .slice(0, 16);
}
