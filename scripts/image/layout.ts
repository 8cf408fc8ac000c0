/** An OCI image layout: one index of images for several architectures, each with its SBOM. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ImageConfig } from './archive.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const STATEMENT = 'application/vnd.in-toto+json';
const SPDX = 'https://spdx.dev/Document';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface PlatformImage {
  /** As OCI names it: amd64. */
  readonly architecture: string;
  /** The layer, a file. */
  readonly tar: string;
  readonly sbom: object;
}

export interface LayoutSettings {
  readonly name: string;
  readonly version: string;
  readonly created: string;
  readonly config: ImageConfig;
}

/** Writes the layout anew; the same images give the same digest, which is returned. */
export function writeLayout(directory: string, images: readonly PlatformImage[], settings: LayoutSettings): string {
  const { name, version, created } = settings;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const blob = (mediaType: string, content: Buffer): Descriptor => {
    const hash = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(directory, 'blobs/sha256', hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const json = (mediaType: string, object: object) => blob(mediaType, Buffer.from(JSON.stringify(object)));
  const manifests = images.flatMap((image) => {
    const made = json(MANIFEST, manifestOf(image, settings, { blob, json }));
    const stated = json(MANIFEST, attestationOf(image, made, settings, json));
    return [
      { ...made, platform: { architecture: image.architecture, os: 'linux' } },
      {
        // As BuildKit attaches it: whoever looks for an image of a platform passes it by, and copying all takes it along.
        ...stated,
        platform: { architecture: 'unknown', os: 'unknown' },
        annotations: {
          'vnd.docker.reference.digest': made.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
      },
    ];
  });
  const annotations = { 'org.opencontainers.image.created': created, 'org.opencontainers.image.version': version };
  const index = json(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests, annotations });
  const names = { 'org.opencontainers.image.ref.name': version, 'io.containerd.image.name': name };
  const top = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...index, annotations: names }] };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(top));
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return index.digest;
}

interface Blobs {
  blob(mediaType: string, content: Buffer): Descriptor;
  json(mediaType: string, object: object): Descriptor;
}

function manifestOf(
  { architecture, tar }: PlatformImage,
  { created, config, version }: LayoutSettings,
  { blob, json }: Blobs,
): object {
  const content = readFileSync(tar);
  const diff = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const configuration = {
    ...{ created, architecture, os: 'linux' },
    config: {
      ...config,
      Labels: { 'org.opencontainers.image.title': 'syscribe', 'org.opencontainers.image.version': version },
    },
    rootfs: { type: 'layers', diff_ids: [diff] },
    history: [{ created, created_by: 'syscribe make image' }],
  };
  return {
    ...{ schemaVersion: 2, mediaType: MANIFEST },
    config: json(CONFIG, configuration),
    layers: [blob(LAYER, gzipSync(content))],
  };
}

function attestationOf(
  { sbom }: PlatformImage,
  image: Descriptor,
  { created }: LayoutSettings,
  json: Blobs['json'],
): object {
  const sha256 = image.digest.slice('sha256:'.length);
  const statement = {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: SPDX,
    subject: [{ name: 'syscribe', digest: { sha256 } }],
    predicate: sbom,
  };
  const layer = json(STATEMENT, statement);
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  return {
    ...{ schemaVersion: 2, mediaType: MANIFEST },
    config: json(CONFIG, { created, architecture: 'unknown', os: 'unknown', config: {}, rootfs }),
    layers: [{ ...layer, annotations: { 'in-toto.io/predicate-type': SPDX } }],
  };
}
