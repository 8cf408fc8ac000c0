/** `make image`: the image that agent, operator and webhook run from, of this machine's own files; nothing is pulled. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BASE_ENV, writeImage } from './image-archive.ts';

const top = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { version: string };
export const IMAGE = `localhost/syscribe:${version}`;

/** As bin/syscribe has them, and smaller: one shares the node with the workloads. */
export const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--optimize-for-size'];

/** Programs' libraries, by what the loader finds on this machine. */
function libraries(file: string): string[] {
  const listed = execFileSync('ldd', [file], { encoding: 'utf8' });
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path as string);
}

/** Writes the archive (`docker load`, `ctr images import`) and returns the image's name. */
export function makeImage(archive: string): string {
  const root = mkdtempSync(join(tmpdir(), 'syscribe-root-'));
  try {
    const install = (from: string, to: string) => {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      copyFileSync(from, join(root, to));
    };
    const node = join(top, 'node_modules/node/bin/node');
    const addon = join(top, `prebuilds/linux-${process.arch}/syscribe.node`);
    install(node, '/usr/bin/node');
    execFileSync('strip', ['--strip-unneeded', join(root, '/usr/bin/node')]);
    for (const library of new Set([...libraries(node), ...libraries(addon)])) install(library, library);
    execFileSync(node, [join(top, 'scripts/bundle.mjs'), join(root, 'usr/lib/syscribe')], { stdio: 'inherit' });
    install(join(top, 'LICENSE'), '/usr/share/doc/syscribe/LICENSE');
    for (const directory of ['etc', 'proc', 'sys', 'tmp', 'var/lib/syscribe'])
      mkdirSync(join(root, directory), { recursive: true });
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65535:65535::/:/sbin/nologin\n',
    );
    mkdirSync(dirname(archive), { recursive: true });
    writeImage(archive, IMAGE, root, {
      // One heap for all threads: glibc gives each of V8's helpers its own, 9 MB of which the agent never uses again.
      Env: [...BASE_ENV, 'MALLOC_ARENA_MAX=1'],
      Entrypoint: ['/usr/bin/node', ...FLAGS, '/usr/lib/syscribe/dist/bundle/bin.mjs'],
      User: '65535:65535',
    });
    return IMAGE;
  } finally {
    rmSync(root, { recursive: true });
  }
}

if (import.meta.main) {
  const archive = process.argv[2] ?? join(top, '.output/image.tar');
  console.log(`${makeImage(archive)} is in ${archive}`);
}
