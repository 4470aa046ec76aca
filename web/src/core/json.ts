/** JSON as the Python side writes it: two spaces, a final line feed, and floats as floats. */

import { CoreError } from './errors';

/** A number that Python writes as a float: 2 becomes `2.0`. */
export class Float {
  constructor(readonly value: number) {}
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | Float
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export const MAX_JSON_BYTES = 256 << 20;

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new CoreError('json_malformed', { detail: (error as Error).message.slice(0, 120) });
  }
}

export function jsonText(value: JsonValue): string {
  return `${encode(value, '')}\n`;
}

function encode(value: JsonValue, indent: string): string {
  if (value instanceof Float) return floatText(value.value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((v: JsonValue) => encode(v, inner))
    : Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${encode(v, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

/** The shortest text that reads back as the same number, laid out as Python's `repr`. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, power] = value.toExponential().split('e') as [string, string];
    return `${digits}e${power[0]}${power.slice(1).padStart(2, '0')}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A short text of any value, for messages. */
export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
