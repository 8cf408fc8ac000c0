/**
 * `make image`: the image that agent, operator and webhook run from; nothing is pulled. image.tar is of this machine's own files and
 * architecture, image/ an OCI layout for all architectures.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ARCHITECTURES, BASE_ENV, type ImageConfig, writeImage, writeLayer } from './image/archive.ts';
import { writeLayout } from './image/layout.ts';
import { type Architecture, makeRoot } from './image/root.ts';
import { sbom } from './image/sbom.ts';

const top = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { version: string };
export const IMAGE = `localhost/syscribe:${version}`;

/** As bin/syscribe has them, and smaller: one shares the node with the workloads. */
export const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--optimize-for-size'];

const CONFIG: ImageConfig = {
  // One heap for all threads: glibc gives each of V8's helpers its own, 9 MB of which the agent never uses again.
  Env: [...BASE_ENV, 'MALLOC_ARENA_MAX=1'],
  Entrypoint: ['/usr/bin/node', ...FLAGS, '/usr/lib/syscribe/dist/bundle/bin.mjs'],
  User: '65535:65535',
};

/** Writes the archive (`docker load`, `ctr images import`) and returns the image's name. */
export function makeImage(archive: string): string {
  const root = mkdtempSync(join(tmpdir(), 'syscribe-root-'));
  try {
    makeRoot(root, process.arch as Architecture);
    mkdirSync(dirname(archive), { recursive: true });
    writeImage(archive, IMAGE, root, CONFIG);
    return IMAGE;
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Writes the layout and returns the digest of its index. */
function makeLayout(directory: string, architectures: readonly Architecture[]): string {
  const work = mkdtempSync(join(tmpdir(), 'syscribe-layout-'));
  // https://reproducible-builds.org/specs/source-date-epoch
  const created = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000).toISOString();
  try {
    const images = architectures.map((one) => {
      const [root, tar, architecture] = [join(work, one), join(work, `${one}.tar`), ARCHITECTURES[one]];
      mkdirSync(root);
      const packages = makeRoot(root, one);
      writeLayer(root, tar);
      const lockfile = new URL('../package-lock.json', import.meta.url);
      return { architecture, tar, sbom: sbom({ version, created }, architecture, packages(), lockfile) };
    });
    return writeLayout(directory, images, { name: IMAGE, version, created, config: CONFIG });
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (import.meta.main) {
  const directory = process.argv[2] ?? join(top, '.output');
  console.log(`${makeImage(join(directory, 'image.tar'))} is in ${directory}/image.tar`);
  if (process.arch !== 'x64') console.log('for all architectures it is made on amd64');
  else {
    const digest = makeLayout(join(directory, 'image'), ['x64', 'arm64']);
    console.log(`for amd64 and arm64 it is in ${directory}/image: ${digest}`);
  }
}
