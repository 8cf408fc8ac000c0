import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from '../support/syscribe.ts';

const PROGRAMS = fileURLToPath(new URL('../programs/.output/', import.meta.url));

/** What a container runs, from the machine's own packages: no registry is asked. */
export interface Image {
  readonly name: 'busybox' | 'nginx' | 'redis';
  readonly args: readonly string[];
}

export const IMAGES: readonly Image[] = [
  {
    name: 'busybox',
    args: [
      '/bin/sh',
      '-c',
      'mkdir /data/d && id && ls / >/dev/null && rmdir /data/d; while [ ! -e /data/stop ]; do :; done; echo worked',
    ],
  },
  { name: 'nginx', args: ['/usr/sbin/nginx', '-c', '/data/nginx.conf', '-g', 'daemon off;'] },
  {
    name: 'redis',
    args: ['/usr/bin/redis-server', '--port', '0', '--unixsocket', '/data/socket', '--save', '', '--dir', '/data'],
  },
];

const NGINX_CONFIGURATION = `user root; worker_processes 1; pid /data/pid; error_log /data/error;
events { worker_connections 64; }
http { access_log off; client_body_temp_path /data/1; proxy_temp_path /data/2; fastcgi_temp_path /data/3;
uwsgi_temp_path /data/4; scgi_temp_path /data/5;
server { listen unix:/data/socket; root /data/html; } }
`;

/** Docker's default capabilities: what a container has unless somebody took them away. */
const CAPABILITIES =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

function copyWithLibraries(file: string, root: string): void {
  const put = (path: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (!existsSync(join(root, path))) copyFileSync(path, join(root, path));
  };
  put(file);
  const listed = execFileSync('ldd', [file], { encoding: 'utf8' });
  for (const [, library] of listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)) if (library) put(library);
}

/** A root directory for an image. */
export function makeRoot(image: Image): string {
  const root = scratch(`root-${image.name}`);
  chmodSync(root, 0o755);
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'data', 'bin', 'etc']) mkdirSync(join(root, name));
  copyFileSync('/bin/busybox', join(root, 'bin', 'busybox'));
  copyFileSync(join(PROGRAMS, 'calls'), join(root, 'calls'));
  for (const name of ['sh', 'ls', 'mkdir', 'rmdir', 'id', 'true', 'env', 'sleep'])
    symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\n');
  if (image.name === 'nginx') {
    copyWithLibraries('/usr/sbin/nginx', root);
    for (const name of ['usr/share/nginx', 'var/log/nginx', 'var/lib/nginx'])
      mkdirSync(join(root, name), { recursive: true });
  }
  if (image.name === 'redis') copyWithLibraries('/usr/bin/redis-server', root);
  return root;
}

export interface BundleOptions {
  readonly root: string;
  /** Below the v2 mount. */
  readonly cgroup: string;
  readonly args: readonly string[];
  readonly noNewPrivileges: boolean;
  /** The text of a raw profile. */
  readonly seccomp?: string;
}

/** Makes a bundle with an own data directory; gives the paths of both. */
export function makeBundle(options: BundleOptions): { bundle: string; data: string } {
  const bundle = scratch('bundle');
  const data = join(bundle, 'data');
  mkdirSync(join(data, 'html'), { recursive: true });
  writeFileSync(join(data, 'html', 'index.html'), 'served\n');
  writeFileSync(join(data, 'nginx.conf'), NGINX_CONFIGURATION);
  const specification = JSON.parse(
    execFileSync('sh', ['-c', 'cd "$1" && runc spec && cat config.json', 'sh', bundle], { encoding: 'utf8' }),
  );
  const sets = Object.fromEntries(['bounding', 'effective', 'permitted'].map((set) => [set, CAPABILITIES]));
  Object.assign(specification.process, {
    terminal: false,
    args: options.args,
    capabilities: sets,
    noNewPrivileges: options.noNewPrivileges,
  });
  specification.root = { path: options.root, readonly: false };
  specification.mounts = specification.mounts.filter(
    ({ destination }: { destination: string }) => !destination.startsWith('/sys'),
  );
  specification.mounts.push({ destination: '/data', type: 'bind', source: data, options: ['bind', 'rw'] });
  specification.linux.cgroupsPath = `/${basename(dirname(options.cgroup))}/${basename(options.cgroup)}`;
  delete specification.linux.resources;
  if (options.seccomp !== undefined) specification.linux.seccomp = JSON.parse(options.seccomp);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specification));
  return { bundle, data };
}
