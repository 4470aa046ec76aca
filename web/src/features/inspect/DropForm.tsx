import { useEffect, useId, useRef, useState } from 'react';
import { Button } from '../../components/Button';
import { CheckField } from '../../components/Field';
import { useNotify } from '../../components/Toasts';
import { t } from '../../texts';
import { imagesOf, stemOf } from './dropped';

const ACCEPTED = '.png,.jpg,.jpeg,.bmp,.tif,.tiff,image/png,image/jpeg,image/bmp,image/tiff';
const LINE_KEY = 'offspec-line';

type DropFormProps = {
  readonly model: number | null;
  /** What was dropped on the page, until it is taken. */
  readonly dropped: readonly File[] | null;
  readonly onTaken: () => void;
  readonly onFiles: (files: readonly File[], partOf: (file: File) => string, line: string) => void;
};

export function DropForm({ model, dropped, onTaken, onFiles }: DropFormProps) {
  const notify = useNotify();
  const texts = t.inspect.drop;
  const [part, setPart] = useState('');
  const [isByName, setIsByName] = useState(false);
  const [line, setLine] = useState(() => localStorage.getItem(LINE_KEY) ?? '');
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  function take(found: readonly File[]) {
    if (found.length === 0) notify(texts.none, 'bad');
    else onFiles(found, (file) => (isByName ? stemOf(file.name).slice(0, 120) : part), line);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: taken once, with what stands here then
  useEffect(() => {
    if (!dropped) return;
    take(dropped);
    onTaken();
  }, [dropped]);
  const chosen = (input: HTMLInputElement) => {
    take(imagesOf(input.files ?? []));
    input.value = '';
  };
  return (
    <section className="drop-form" aria-label={texts.title}>
      <p>{texts.text}</p>
      {model !== null && <p className="field-hint">{texts.model(model)}</p>}
      <div className="drop-buttons">
        <Button look="primary" icon="open" onClick={() => files.current?.click()}>
          {texts.files}
        </Button>
        <Button onClick={() => folder.current?.click()}>{texts.folder}</Button>
      </div>
      <input
        ref={files}
        hidden
        type="file"
        multiple
        accept={ACCEPTED}
        onChange={(event) => chosen(event.target)}
      />
      <input
        ref={folder}
        hidden
        type="file"
        {...{ webkitdirectory: '' }}
        onChange={(event) => chosen(event.target)}
      />
      <div className="field-pair">
        <NowField
          label={texts.part}
          most={120}
          value={part}
          disabled={isByName}
          onChange={setPart}
        />
        <NowField
          label={texts.line}
          most={80}
          value={line}
          onChange={(value) => {
            setLine(value);
            localStorage.setItem(LINE_KEY, value);
          }}
        />
      </div>
      <CheckField label={texts.fromName} value={isByName} onChange={setIsByName} />
    </section>
  );
}

type NowFieldProps = {
  readonly label: string;
  readonly value: string;
  readonly most: number;
  readonly disabled?: boolean;
  readonly onChange: (value: string) => void;
};

/** Counts as it is typed: pictures may be dropped while the cursor is still here. */
function NowField({ label, value, most, disabled, onChange }: NowFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        value={value}
        maxLength={most}
        disabled={disabled}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
