import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageConfig, writeImage } from '../../../scripts/image/archive.ts';
import { makeImage } from '../../../scripts/image.ts';
import { type ImageName, makeRoot } from '../containers/root.ts';
import { ARCHIVES, WANTED_IMAGES } from './variables.ts';

const NGINX = `user root; worker_processes 1; pid /tmp/pid; error_log stderr; daemon off;
events { worker_connections 64; }
http { access_log off; client_body_temp_path /tmp/1; proxy_temp_path /tmp/2; fastcgi_temp_path /tmp/3;
uwsgi_temp_path /tmp/4; scgi_temp_path /tmp/5;
server { listen 8080; root /html; } }
`;

/** PostgreSQL does not run as root. */
export const NOBODY = 65534;

const CONFIGS: Readonly<Record<ImageName, ImageConfig>> = {
  busybox: { Entrypoint: [], Cmd: ['/bin/busybox', 'sleep', '2147483647'] },
  nginx: { Entrypoint: ['/usr/sbin/nginx', '-c', '/nginx.conf'] },
  redis: { Entrypoint: ['/usr/bin/redis-server'], Cmd: ['--save', ''] },
  postgres: {
    Entrypoint: [],
    Cmd: ['/bin/sh', '-c', 'initdb --no-sync -D /tmp/data && exec postgres -D /tmp/data -k /tmp'],
    User: `${NOBODY}:${NOBODY}`,
  },
  python: { Entrypoint: ['/usr/bin/python3'], Cmd: ['-m', 'http.server', '8080'] },
  i386: { Entrypoint: ['/i386'] },
};

/** What images can be made of on this machine: x86_64 alone runs 32-bit programs of the same family. */
export const IMAGES = (Object.keys(CONFIGS) as ImageName[]).filter(
  (name) => (name !== 'i386' || process.arch === 'x64') && WANTED_IMAGES.test(name),
);

/**
 * Makes `syscribe.test/NAME:1` from this machine's own packages, and syscribe's own image; gives their archives, the latter first.
 * @param again whether syscribe's is made of the tree as it is now, though there is one.
 */
export function makeImages(directory: string, { again = false } = {}): string[] {
  const archives = ARCHIVES ?? join(directory, 'images');
  mkdirSync(archives, { recursive: true });
  if (again) rmSync(join(archives, 'syscribe.tar'), { force: true });
  const others = IMAGES.map((name) =>
    once(join(archives, `${name}.tar`), (archive) => {
      const root = makeImageRoot(name);
      writeImage(archive, `syscribe.test/${name}:1`, root, CONFIGS[name]);
      rmSync(root, { recursive: true });
    }),
  );
  return [once(join(archives, 'syscribe.tar'), makeImage), ...others];
}

/** Unless it is there; whole, or not at all. */
function once(archive: string, make: (archive: string) => void): string {
  if (existsSync(archive)) return archive;
  make(`${archive}.new`);
  renameSync(`${archive}.new`, archive);
  return archive;
}

/** What is in the image. */
export function makeImageRoot(name: ImageName): string {
  const root = makeRoot(name);
  if (name === 'nginx') {
    writeFileSync(join(root, 'nginx.conf'), NGINX);
    mkdirSync(join(root, 'html'));
    writeFileSync(join(root, 'html', 'index.html'), 'served\n');
  }
  return root;
}
