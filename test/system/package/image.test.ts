import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Containerd } from '../support/containerd.ts';
import { Running, run, scratch, temporary } from '../support/syscribe.ts';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));
/** e_machine of elf.h. */
const MACHINES: Readonly<Record<string, number>> = { amd64: 62, arm64: 183 };
const LABEL = 'vnd.docker.reference';

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly manifests: readonly Descriptor[];
  readonly layers: readonly Descriptor[];
}

const layout = () => join(directory, 'image');
const blob = (digest: string) => join(layout(), 'blobs/sha256', digest.replace('sha256:', ''));
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const index = (): Manifest => json(blob(json(join(layout(), 'index.json')).manifests[0].digest));
const images = () => index().manifests.filter(({ platform }) => platform?.architecture !== 'unknown');

let directory: string;
const skip = process.arch === 'x64' ? {} : { skip: 'images for amd64 and arm64 are made on amd64' };

async function succeeds(file: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(file, ...args);
  assert.equal(code, 0, `${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function make(target: string): Promise<void> {
  await succeeds(process.execPath, join(TOP, 'scripts/image.ts'), target);
}

if (skip.skip === undefined)
  before(async () => {
    directory = scratch('image');
    await succeeds('make', '--no-print-directory', '-C', TOP, 'deps-image');
    await make(directory);
  });

async function unpack(context: TestContext, { digest }: Descriptor): Promise<string> {
  const root = temporary(context);
  const [layer] = (json(blob(digest)) as Manifest).layers;
  await succeeds('tar', 'xzf', blob(layer?.digest ?? ''), '-C', root);
  return root;
}

function machine(file: string): number {
  const header = Buffer.alloc(20);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, header);
  closeSync(descriptor);
  return header.readUInt16LE(18);
}

test('made again, it is the same; all that is in an image is of its architecture', skip, async (context) => {
  const again = temporary(context);
  await make(again);
  assert.equal(
    readFileSync(join(again, 'image/index.json'), 'utf8'),
    readFileSync(join(layout(), 'index.json'), 'utf8'),
  );
  const architectures = images().map(({ platform }) => platform?.architecture ?? '');
  assert.deepEqual(architectures, ['amd64', 'arm64']);
  for (const image of images()) {
    const root = await unpack(context, image);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
    const programs = files.filter((file) => statSync(file).isFile() && /\/node$|\.node$|\.so(\.\d+)*$/.test(file));
    assert.ok(programs.length > 6);
    for (const file of programs) assert.equal(machine(file), MACHINES[image.platform?.architecture ?? ''], file);
  }
});

test('each image has its SBOM: what is bundled, and the packages of its libraries', skip, () => {
  for (const { digest, platform } of images()) {
    const attached = index().manifests.find(({ annotations }) => annotations?.[`${LABEL}.digest`] === digest);
    assert.equal(attached?.annotations?.[`${LABEL}.type`], 'attestation-manifest');
    const [layer] = (json(blob(attached?.digest ?? '')) as Manifest).layers;
    const { subject, predicateType, predicate } = json(blob(layer?.digest ?? ''));
    assert.deepEqual([subject[0].digest.sha256, predicateType], [digest.slice(7), 'https://spdx.dev/Document']);
    assert.equal(predicate.spdxVersion, 'SPDX-2.3');
    const purls: string[] = predicate.packages.map(
      (one: { externalRefs: { referenceLocator: string }[] }) => one.externalRefs[0]?.referenceLocator,
    );
    const lock = json(join(TOP, 'package-lock.json')).packages;
    assert.ok(purls.includes(`pkg:npm/commander@${lock['node_modules/commander'].version}`));
    assert.ok(purls.includes(`pkg:generic/node@${process.versions.node}`));
    for (const name of ['libc6', 'libgcc-s1', 'libstdc%2B%2B6'])
      assert.ok(
        purls.some(
          (purl) => purl.startsWith(`pkg:deb/debian/${name}@`) && purl.endsWith(`?arch=${platform?.architecture}`),
        ),
        name,
      );
    assert.ok(!purls.some((purl) => purl.includes('/typescript@')), 'what only development needs is not in it');
  }
});

test('a node imports the layout, and what is in it runs', skip, async (context) => {
  const [amd64] = images();
  const root = await unpack(context, amd64 as Descriptor);
  const { version } = json(join(TOP, 'package.json'));
  const said = await succeeds('chroot', root, '/usr/bin/node', '/usr/lib/syscribe/dist/bundle/bin.mjs', '--version');
  assert.equal(said.trim(), version);
  const containerd = await Containerd.start(context);
  const archive = join(temporary(context), 'layout.tar');
  await succeeds('tar', 'cf', archive, '-C', layout(), '.');
  await containerd.ctr('images', 'import', archive);
  assert.match(await containerd.ctr('images', 'list', '-q'), new RegExp(`^localhost/syscribe:${version}$`, 'm'));
});

test('pushed, a registry has both images and their SBOMs under one name', skip, async (context) => {
  const place = temporary(context);
  mkdirSync(join(place, 'data'));
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(place, 'data') } },
    http: { addr: '127.0.0.1:0' },
  };
  writeFileSync(join(place, 'config.yml'), JSON.stringify(config));
  const registry = new Running('docker-registry', ['serve', join(place, 'config.yml')]);
  context.after(async () => {
    registry.child.kill('SIGTERM');
    await registry.finished;
  });
  const [, address = ''] = await registry.until('stderr', /listening on (127\.0\.0\.1:\d+)/);
  const variables = [`REGISTRY=${address}/team`, `LAYOUT=${layout()}`, 'SKOPEO_FLAGS=--dest-tls-verify=false'];
  await succeeds('make', '--no-print-directory', '-C', TOP, 'push', ...variables);
  const { version } = json(join(TOP, 'package.json'));
  const get = async (reference: string): Promise<Manifest> => {
    const media = ['index', 'manifest'].map((name) => `application/vnd.oci.image.${name}.v1+json`).join(', ');
    const answer = await fetch(`http://${address}/v2/team/syscribe/manifests/${reference}`, {
      headers: { Accept: media },
    });
    assert.equal(answer.status, 200, reference);
    return (await answer.json()) as Manifest;
  };
  const pushed = await get(version);
  assert.deepEqual(pushed, index());
  for (const { digest } of pushed.manifests) await get(digest);
  const { stderr, code } = await run('make', '--no-print-directory', '-C', TOP, 'push');
  assert.deepEqual([code, /usage: make push REGISTRY=/.test(stderr)], [2, true]);
});
