/** What counts as a defect, and what does not: one line each. */

import { Button, IconButton } from '../../components/Button';
import { TextField } from '../../components/Field';
import { t } from '../../texts';
import { type DefectLine, exampleCount, type HarmlessLine, nextKey } from './problem';

const texts = t.problem;

type LinesProps<T> = {
  readonly lines: readonly T[];
  readonly onChange: (lines: readonly T[]) => void;
};

const replaced = <T extends { readonly key: number }>(lines: readonly T[], next: T): T[] =>
  lines.map((line) => (line.key === next.key ? next : line));

export function DefectLines({ lines, onChange }: LinesProps<DefectLine>) {
  return (
    <>
      <ul className="problem-lines">
        {lines.map((line) => (
          <li key={line.key}>
            <TextField
              label={texts.defect}
              value={line.type}
              onChange={(type) => onChange(replaced(lines, { ...line, type }))}
            />
            <TextField
              label={texts.words}
              hint={
                exampleCount(line.examples) > 0 ? texts.examples(exampleCount(line.examples)) : ''
              }
              value={line.words}
              onChange={(words) => onChange(replaced(lines, { ...line, words }))}
            />
            <IconButton
              icon="remove"
              label={texts.removeDefect(line.type)}
              onClick={() => onChange(lines.filter((one) => one !== line))}
            />
          </li>
        ))}
      </ul>
      <p className="field-hint">{texts.wordsHint}</p>
      <Button
        onClick={() =>
          onChange([...lines, { key: nextKey(lines), type: '', words: '', examples: {} }])
        }
      >
        {texts.addDefect}
      </Button>
    </>
  );
}

export function HarmlessLines({ lines, onChange }: LinesProps<HarmlessLine>) {
  return (
    <>
      <ul className="problem-lines problem-lines-one">
        {lines.map((line) => (
          <li key={line.key}>
            <TextField
              label={texts.harmless}
              hint={line.images.length > 0 ? texts.examples(line.images.length) : ''}
              value={line.words}
              onChange={(words) => onChange(replaced(lines, { ...line, words }))}
            />
            <IconButton
              icon="remove"
              label={texts.removeHarmless(line.words)}
              onClick={() => onChange(lines.filter((one) => one !== line))}
            />
          </li>
        ))}
      </ul>
      <Button onClick={() => onChange([...lines, { key: nextKey(lines), words: '', images: [] }])}>
        {texts.addHarmless}
      </Button>
    </>
  );
}
