import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from '../support/syscribe.ts';

const PROGRAMS = fileURLToPath(new URL('../programs/.output/', import.meta.url));
const POSTGRES = '/usr/lib/postgresql';
/** Of Python's library, what is large and no program's business. */
const LEFT_OUT = /^(?:test|idlelib|lib2to3|ensurepip|pydoc_data|dist-packages|config-.*|__pycache__)$/;

export type ImageName = 'busybox' | 'nginx' | 'redis' | 'postgres' | 'python' | 'i386';

/** A root directory for an image, of the machine's own packages: no registry is asked. */
export function makeRoot(name: ImageName): string {
  const root = scratch(`root-${name}`);
  chmodSync(root, 0o755);
  for (const directory of ['proc', 'sys', 'dev', 'tmp', 'data', 'bin', 'etc']) mkdirSync(join(root, directory));
  // Not all run as root.
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync('/bin/busybox', join(root, 'bin', 'busybox'));
  copyFileSync(join(PROGRAMS, 'calls'), join(root, 'calls'));
  for (const link of ['sh', 'ls', 'ln', 'mkdir', 'rmdir', 'id', 'true', 'env', 'sleep'])
    symlinkSync('busybox', join(root, 'bin', link));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n');
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n');
  FILLS[name](root);
  return root;
}

const FILLS: Readonly<Record<ImageName, (root: string) => void>> = {
  busybox: () => {},
  nginx: (root) => {
    copyWithLibraries('/usr/sbin/nginx', root);
    for (const directory of ['usr/share/nginx', 'var/log/nginx', 'var/lib/nginx'])
      mkdirSync(join(root, directory), { recursive: true });
  },
  redis: (root) => copyWithLibraries('/usr/bin/redis-server', root),
  postgres: fillPostgres,
  python: fillPython,
  i386: (root) => copyFileSync(join(PROGRAMS, 'i386'), join(root, 'i386')),
};

/** The server, what makes its database, and a client. */
function fillPostgres(root: string): void {
  const version = readdirSync(POSTGRES).sort().at(-1) ?? '';
  const home = join(POSTGRES, version);
  for (const program of ['postgres', 'initdb', 'psql']) {
    copyWithLibraries(join(home, 'bin', program), root);
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    symlinkSync(join(home, 'bin', program), join(root, 'usr/bin', program));
  }
  for (const module of ['plpgsql.so', 'dict_snowball.so']) copyWithLibraries(join(home, 'lib', module), root);
  const share = join('/usr/share/postgresql', version);
  cpSync(share, join(root, share), { recursive: true, dereference: true, filter: (path) => basename(path) !== 'man' });
  copyInto('/usr/share/zoneinfo/UTC', root);
}

function fillPython(root: string): void {
  const program = realpathSync('/usr/bin/python3');
  copyWithLibraries(program, root);
  symlinkSync(basename(program), join(root, 'usr/bin/python3'));
  const library = join('/usr/lib', basename(program));
  const filter = (path: string) => !LEFT_OUT.test(basename(path));
  cpSync(library, join(root, library), { recursive: true, dereference: true, filter });
  for (const module of readdirSync(join(library, 'lib-dynload')))
    copyWithLibraries(join(library, 'lib-dynload', module), root);
}

function copyWithLibraries(file: string, root: string): void {
  copyInto(file, root);
  const listed = execFileSync('ldd', [file], { encoding: 'utf8' });
  for (const [, library] of listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)) if (library) copyInto(library, root);
}

function copyInto(path: string, root: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  if (!existsSync(join(root, path))) copyFileSync(path, join(root, path));
}
