import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageName } from '../containers/root.ts';
import { IMAGES } from './images.ts';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { type Allowed, ENV, PROGRAMS, recordHere } from './programs.ts';
import { callsOf, completeness, isPartial } from './watched.ts';

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
      const podOf = (image: ImageName) => {
        const container = { name: 'c', image, command: PROGRAMS[image], env };
        return pod(where, image, image, podSpec([container], { enableServiceLinks: false }));
      };
      // From the log one after the other: all at once they log 56,000 records in four seconds, and an agent that gets no processor
      // meanwhile finds that its socket had room for fewer.
      if (recorder === 'Bpf') await apply(...IMAGES.map(podOf));
      for (const image of IMAGES) {
        if (recorder === 'Logs') await apply(podOf(image));
        const { status } = await cluster.ended(`${where}/${image}`);
        assert.equal(status?.phase, 'Succeeded', image);
        const profile = await eyes.profiles.until(`${image}-${where}-c`, (one) => !isPartial(one));
        const allowed = { architectures: profile.spec.architectures?.toSorted(), names: callsOf(profile) };
        const recorded = eyes.recordings.get(`${where}/${image}-${where}`);
        const said = recorded && completeness(recorded)?.message;
        assert.deepEqual(allowed, here.get(image), `${image}: ${said}`);
      }
      assert.ok(here.get('i386')?.architectures.includes('SCMP_ARCH_X86'));
    },
  );
