import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageName } from '../containers/root.ts';
import { IMAGES } from './images.ts';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { type Allowed, ENV, PROGRAMS, recordHere } from './programs.ts';
import { callsOf, isPartial } from './watched.ts';

const cluster = useInstalledCluster();

for (const recorder of ['Bpf', 'Logs'])
  test(
    `the profile of each image by ${recorder} is what syscribe record gives for the same program`,
    cluster.options,
    async (context) => {
      const { eyes, apply } = cluster;
      const where = recorder.toLowerCase();
      await apply(
        namespace(where),
        ...IMAGES.map((image) => {
          const podSelector = { matchLabels: { app: image } };
          return recording(where, `${image}-${where}`, { podSelector, recorder });
        }),
      );
      const here = new Map<ImageName, Allowed>();
      for (const image of IMAGES) here.set(image, await recordHere(context, image, recorder === 'Logs'));
      const env = Object.entries(ENV).map(([name, value]) => ({ name, value }));
      await apply(
        ...IMAGES.map((image) => {
          const container = { name: 'c', image, command: PROGRAMS[image], env };
          return pod(where, image, image, podSpec([container], { enableServiceLinks: false }));
        }),
      );
      for (const image of IMAGES) {
        const { status } = await cluster.ended(`${where}/${image}`);
        assert.equal(status?.phase, 'Succeeded', image);
        const profile = await eyes.profiles.until(`${image}-${where}-c`, (one) => !isPartial(one));
        const allowed = { architectures: profile.spec.architectures?.toSorted(), names: callsOf(profile) };
        assert.deepEqual(allowed, here.get(image), image);
      }
      assert.ok(here.get('i386')?.architectures.includes('SCMP_ARCH_X86'));
    },
  );
