import type { Abi } from '../../kernel/abi.ts';
import { ABIS } from '../../kernel/syscalls.ts';
import { parseDocuments, type Value } from '../document.ts';
import { ProfileError } from '../error.ts';
import { SOURCES, type Source } from './build.ts';
import { defined, type Fields, optional, required } from './parse-body.ts';

const MAX_CALLS = 8192; // ABIs times phases times the numbers there are, and some.
const MAX_TEXTS = 1024;

/** Who called what first, and whether that is all: written beside a profile, read by `explain`. */
export interface Evidence {
  readonly version: 1;
  readonly recorder: string;
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly machine: string;
  readonly kernel: string;
  readonly started: string;
  readonly ended: string;
  readonly processes: number;
  readonly syscalls: readonly EvidenceCall[];
  readonly notes: readonly string[];
}

export interface EvidenceCall {
  readonly name: string;
  readonly abi: Abi;
  readonly number: number;
  readonly sources: readonly Source[];
  readonly first?: { readonly pid: number; readonly comm: string; readonly time: string };
}

export function renderEvidence(evidence: Evidence): string {
  return `${JSON.stringify(evidence, undefined, 2)}\n`;
}

/**
 * Reads what {@link renderEvidence} wrote. Fields of newer versions of the format are ignored.
 * @throws ProfileError with file, line and column of the first thing that is wrong.
 */
export function parseEvidence(text: string, file: string): Evidence {
  const [document, ...others] = parseDocuments(text, file);
  if (document === undefined || others.length > 0) throw new ProfileError('not the evidence of one recording', file);
  const fields = document.fields();
  required(document, fields, 'version').integer(1n, 1n);
  const get = (name: string) => required(document, fields, name);
  return {
    version: 1,
    recorder: get('recorder').text(),
    complete: get('complete').boolean(),
    reasons: texts(fields, 'reasons'),
    machine: get('machine').text(),
    kernel: get('kernel').text(),
    started: time(get('started')),
    ended: time(get('ended')),
    processes: Number(get('processes').integer(0n, BigInt(Number.MAX_SAFE_INTEGER))),
    syscalls: get('syscalls').items(MAX_CALLS).map(readCall),
    notes: texts(fields, 'notes'),
  };
}

function texts(fields: Fields, name: string): string[] {
  return (optional(fields, name, (value) => value.items(MAX_TEXTS)) ?? []).map((item) => item.text());
}

function time(value: Value): string {
  const text = value.text();
  return Number.isNaN(Date.parse(text)) ? value.fail(`${value.describe()} is not a time (ISO 8601)`) : text;
}

function readCall(call: Value): EvidenceCall {
  const fields = call.fields();
  return {
    name: required(call, fields, 'name').text(),
    abi: required(call, fields, 'abi').oneOf(ABIS),
    // Negative where a program called what cannot be a number.
    number: Number(required(call, fields, 'number').integer(-(2n ** 63n), 2n ** 63n - 1n)),
    sources: required(call, fields, 'sources')
      .items(SOURCES.length)
      .map((source) => source.oneOf(SOURCES)),
    ...defined({ first: optional(fields, 'first', readFirst) }),
  };
}

function readFirst(first: Value): NonNullable<EvidenceCall['first']> {
  const fields = first.fields();
  return {
    pid: Number(required(first, fields, 'pid').integer(0n, 2n ** 31n)),
    comm: required(first, fields, 'comm').text(),
    time: time(required(first, fields, 'time')),
  };
}
