import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { scratch } from '../support/syscribe.ts';

/** What a container runs. */
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

export interface BundleOptions {
  readonly root: string;
  /** Below the v2 mount. */
  readonly cgroup: string;
  readonly args: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Number of user and group; root otherwise. */
  readonly user?: number;
  readonly env?: readonly string[];
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
    ...(options.env && { env: options.env }),
  });
  if (options.user !== undefined) specification.process.user = { uid: options.user, gid: options.user };
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
