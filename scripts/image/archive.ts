import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BASE_ENV: readonly string[] = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'];

/** By Node's names, OCI's. */
export const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' } as const;

/** What a container of the image runs (OCI image configuration). */
export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
}

/** The tree below `root` as a layer: the same tree gives the same file. */
export function writeLayer(root: string, file: string): void {
  const same = ['--format=gnu', '--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0'];
  execFileSync('tar', [...same, '-cf', file, '-C', root, '.']);
}

/** Writes an image of one layer, the tree below `root`, as an archive that `ctr images import` takes. */
export function writeImage(archive: string, name: string, root: string, config: ImageConfig): void {
  const work = mkdtempSync(join(tmpdir(), 'syscribe-image-'));
  try {
    writeLayer(root, join(work, 'layer.tar'));
    const digest = createHash('sha256')
      .update(readFileSync(join(work, 'layer.tar')))
      .digest('hex');
    const image = {
      architecture: ARCHITECTURES[process.arch as keyof typeof ARCHITECTURES],
      os: 'linux',
      config: { Env: BASE_ENV, ...config },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    };
    writeFileSync(join(work, 'config.json'), JSON.stringify(image));
    const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-cf', archive, '-C', work, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    rmSync(work, { recursive: true });
  }
}
