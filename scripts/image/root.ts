/** The tree of the image for one architecture. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const NODE = join(TOP, 'node_modules/node/bin/node');
/** What the loader brings along: it is asked for by path. */
const LOADERS: Readonly<Record<Architecture, string>> = {
  x64: '/lib64/ld-linux-x86-64.so.2',
  arm64: '/lib/ld-linux-aarch64.so.1',
};

/** As Node names them. */
export type Architecture = 'x64' | 'arm64';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** The file of the image that is of it. */
  readonly file: string;
}

/** Where programs and libraries of an architecture are, and which package a library is of. */
export interface Sources {
  readonly node: string;
  readonly strip: string;
  /** By the file that needs them: where they are here, and in the image. */
  libraries(file: string): readonly { readonly from: string; readonly to: string }[];
  packageOf(library: string): { readonly name: string; readonly version: string };
}

function capture(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

/** This machine's own. */
export function ownSources(): Sources {
  return {
    node: NODE,
    strip: 'strip',
    libraries: (file) =>
      [...capture('ldd', file).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => ({ from: path, to: path })),
    packageOf: (library) => {
      // Files are listed where they were before /lib became a link.
      const real = realpathSync(library);
      const known = [library, real, real.replace(/^\/usr/, '')].map(owner).find((name) => name !== undefined);
      if (known === undefined) throw new Error(`${library} is of no Debian package`);
      return { name: known, version: capture('dpkg-query', '-W', known).trim().split('\t')[1] ?? '' };
    },
  };
}

function owner(path: string): string | undefined {
  const { status, stdout } = spawnSync('dpkg-query', ['-S', path], { encoding: 'utf8' });
  return status === 0 ? stdout.split(': ')[0]?.split(',')[0] : undefined;
}

/** arm64's on another machine: Node of its package, Debian's libraries, unpacked (image/arm64.sh). */
export function foreignSources(): Sources {
  const version = process.versions.node;
  const directory = capture(join(TOP, 'scripts/image/arm64.sh'), version).trim();
  const packages = JSON.parse(readFileSync(join(directory, 'packages.json'), 'utf8')) as {
    name: string;
    version: string;
  }[];
  const places = ['lib/aarch64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];
  const find = (name: string) => {
    const place = places.find((one) => existsSync(join(directory, one, name)));
    if (place === undefined) throw new Error(`arm64's ${name} is in none of the unpacked packages`);
    return { from: realpathSync(join(directory, place, name)), to: `/${place}/${name}` };
  };
  const needed = (file: string): string[] =>
    [...capture('readelf', '-d', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name);
  const loader = { from: realpathSync(join(directory, LOADERS.arm64)), to: LOADERS.arm64 };
  return {
    node: join(directory, 'node'),
    strip: 'aarch64-linux-gnu-strip',
    libraries: (file) => {
      const found = new Map([[loader.to, loader]]);
      const waiting = needed(file);
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        if (LOADERS.arm64.endsWith(`/${name}`)) continue;
        const library = find(name);
        if (found.has(library.to)) continue;
        found.set(library.to, library);
        waiting.push(...needed(library.from));
      }
      return [...found.values()];
    },
    packageOf: (library) => {
      const prefix = /libstdc\+\+/.test(library) ? 'libstdc++6' : /libgcc_s/.test(library) ? 'libgcc-s1' : 'libc6';
      const found = packages.find(({ name }) => name === prefix);
      if (!found) throw new Error(`${library} is of no unpacked package`);
      return { name: `${found.name}:arm64`, version: found.version };
    },
  };
}

/** Fills `root`. @returns what tells of which Debian packages its libraries are. */
export function makeRoot(root: string, architecture: Architecture): () => DebianPackage[] {
  const sources = architecture === process.arch ? ownSources() : foreignSources();
  const addon = join(TOP, `prebuilds/linux-${architecture}/syscribe.node`);
  const install = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(from, join(root, to));
  };
  install(sources.node, '/usr/bin/node');
  execFileSync(sources.strip, ['--strip-unneeded', join(root, '/usr/bin/node')]);
  const libraries = new Map(
    [sources.node, addon].flatMap((file) => sources.libraries(file)).map((one) => [one.to, one]),
  );
  for (const { from, to } of libraries.values()) install(from, to);
  execFileSync(NODE, [join(TOP, 'scripts/bundle.mjs'), join(root, 'usr/lib/syscribe'), architecture], {
    stdio: 'inherit',
  });
  install(join(TOP, 'LICENSE'), '/usr/share/doc/syscribe/LICENSE');
  for (const directory of ['etc', 'proc', 'sys', 'tmp', 'var/lib/syscribe'])
    mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65535:65535::/:/sbin/nologin\n');
  plainModes(root);
  return () => [...libraries.values()].map(({ from, to }) => ({ ...sources.packageOf(from), file: to }));
}

/** Whoever builds it, by whatever umask: the same image. */
function plainModes(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) plainModes(join(path, name));
  if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() || stat.mode & 0o100 ? 0o755 : 0o644);
}
