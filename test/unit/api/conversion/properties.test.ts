import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONVERSION_ANNOTATION, convert } from '../../../../src/api/conversion/convert.ts';
import { isFields } from '../../../../src/api/conversion/json.ts';
import { OLD_VERSIONS, oldSchema } from '../../../../src/api/conversion/old-versions.ts';
import { GROUP, wholeSchema } from '../../../../src/api/crd.ts';
import { CONVERTED_KINDS } from '../../../../src/api/kinds.ts';
import { runsOf } from '../../../support/sizes.ts';
import { objects } from './arbitrary.ts';

const V1 = `${GROUP}/v1`;

/** Any JSON, and more often something that looks like an object of ours. */
function anything(kind: string, apiVersion: string): fc.Arbitrary<unknown> {
  const paths = fc.array(fc.constantFrom('spec', 'state', 'disabled', 'selinux', 'options', '__proto__', 'nodeName'));
  const change = fc.oneof(fc.tuple(paths), fc.tuple(paths, fc.jsonValue()), fc.jsonValue());
  const note = fc.record({
    version: fc.constantFrom('v1', 'v1alpha1', 'v1beta1', 'v1alpha2'),
    changes: fc.array(change),
  });
  const text = fc.oneof(
    fc.string(),
    note.map((value) => JSON.stringify(value)),
    fc.jsonValue(),
  );
  const annotations = fc.oneof(fc.jsonValue(), fc.record({ [CONVERSION_ANNOTATION]: text }));
  const metadata = fc.oneof(fc.jsonValue(), fc.record({ annotations }));
  const rest = { metadata, spec: fc.jsonValue(), status: fc.jsonValue(), nodeName: fc.jsonValue() };
  const shaped = fc.record({ ...rest }, { requiredKeys: [] }).map((value) => ({ ...value, apiVersion, kind }));
  return fc.oneof(fc.jsonValue(), shaped);
}

/** Metadata but for annotations. */
function anonymous(metadata: unknown): unknown {
  return isFields(metadata) ? { ...metadata, annotations: undefined } : metadata;
}

for (const kind of CONVERTED_KINDS) {
  const old = OLD_VERSIONS.get(kind.kind);
  assert.ok(old);
  const OLD = `${GROUP}/${old.version}`;
  const v1 = wholeSchema(kind);

  test(`${kind.kind}: old to v1 to old is the identity`, () => {
    fc.assert(
      fc.property(objects(kind.kind, OLD, oldSchema(v1, old)), (object) => {
        assert.deepEqual(convert(convert(object, V1), OLD), object);
      }),
      runsOf(500),
    );
  });

  test(`${kind.kind}: v1 to old to v1 is the identity`, () => {
    fc.assert(
      fc.property(objects(kind.kind, V1, v1), (object) => {
        assert.deepEqual(convert(convert(object, OLD), V1), object);
      }),
      runsOf(500),
    );
  });

  test(`${kind.kind}: what was said in v1 since then counts, whatever the annotation remembers`, () => {
    fc.assert(
      fc.property(objects(kind.kind, OLD, oldSchema(v1, old)), objects(kind.kind, V1, v1), (first, second) => {
        const { metadata } = convert(first, V1) as { metadata: object };
        const changed = { ...second, metadata };
        const { metadata: _, ...back } = convert(convert(changed, OLD), V1) as { metadata: object };
        const { metadata: __, ...expected } = changed;
        assert.deepEqual(back, expected);
      }),
      runsOf(500),
    );
  });

  test(`${kind.kind}: nothing makes it throw, and the identity of an object stays`, () => {
    fc.assert(
      fc.property(fc.oneof(anything(kind.kind, OLD), anything(kind.kind, V1)), (value) => {
        for (const version of [OLD, V1]) {
          const converted = convert(value, version);
          assert.equal(typeof converted, typeof value);
          if (!isFields(value) || !isFields(converted)) continue;
          assert.deepEqual(anonymous(converted.metadata), anonymous(value.metadata));
          assert.deepEqual([converted.apiVersion, converted.kind], [version, value.kind]);
        }
      }),
      runsOf(500),
    );
  });
}
