import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ContainerSettings, makeConfig } from './config.ts';
import { type ImageName, imageRoot } from './images.ts';

export interface BundleSettings extends Omit<ContainerSettings, 'root' | 'binds'> {
  readonly image: ImageName;
}

/** A directory that a runtime takes as `--bundle`. */
export interface Bundle {
  readonly directory: string;
  /** The container's /run, which it alone may write to. */
  readonly run: string;
}

/** Makes a bundle in `directory`, an empty one. */
export function makeBundle(directory: string, { image, ...settings }: BundleSettings): Bundle {
  const run = join(directory, 'run');
  mkdirSync(run);
  chmodSync(run, 0o777); // Whatever user the container has.
  const config = makeConfig({ ...settings, root: imageRoot(image), binds: { '/run': run } });
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config, undefined, 2));
  return { directory, run };
}
