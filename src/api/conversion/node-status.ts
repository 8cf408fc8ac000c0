import type { Schema } from '../schema.ts';
import { at, put, putDeep } from './json.ts';
import { edit, withField } from './schema-edit.ts';
import type { Step } from './steps.ts';

/** Of SecurityProfileNodeStatus: before 1.0 `nodeName` stood at the top, and `status` was one word. */
export const NODE_STATUS_AT_TOP: Step = {
  schema: (v1) => {
    const { required: _, ...open } = v1;
    const bare = edit(open, ['spec'], ({ required: __, ...spec }) => spec);
    const nodeName: Schema = { type: 'string', description: 'Before 1.0; now spec.nodeName.' };
    const status: Schema = {
      description: `${at(v1, ['properties', 'status', 'description'])} Before 1.0 it was one word, now status.status.`,
      'x-kubernetes-preserve-unknown-fields': true,
    };
    return withField(withField(bare, ['nodeName'], nodeName), ['status'], status);
  },
  toV1: (old) => {
    const name = at(old, ['nodeName']);
    const placed =
      name !== undefined && at(old, ['spec', 'nodeName']) === undefined
        ? putDeep(old, ['spec', 'nodeName'], name)
        : old;
    const moved = at(placed, ['spec', 'nodeName']) === undefined ? placed : put(placed, ['nodeName'], undefined);
    const status = at(moved, ['status']);
    return typeof status === 'string' ? put(moved, ['status'], { status }) : moved;
  },
  fromV1: (object) => object,
};
