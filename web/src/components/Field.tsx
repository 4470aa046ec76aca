import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

type Frame = { readonly label: string; readonly hint?: string; readonly error?: string | null };

function FieldFrame({
  label,
  hint,
  error,
  children,
}: Frame & { children: (id: string, described: string | undefined) => ReactNode }) {
  const id = useId();
  const note = error || hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id, note ? `${id}-note` : undefined)}
      {note && (
        <p id={`${id}-note`} className={error ? 'field-error' : 'field-hint'}>
          {note}
        </p>
      )}
    </div>
  );
}

type TextProps = Frame & {
  readonly value: string;
  /** Called on Enter and when the field is left. */
  readonly onChange: (value: string) => void;
  readonly inputMode?: 'text' | 'decimal';
  readonly disabled?: boolean;
  /** Called as well when typing pauses, as a filter wants it. */
  readonly isSearch?: boolean;
};

const PAUSE_MS = 400;

export function TextField(props: TextProps) {
  const { value, onChange, inputMode = 'text', disabled, isSearch = false, ...frame } = props;
  const [draft, setDraft] = useState(value);
  // A space in the middle of typing stays, though nobody searches for it.
  useEffect(() => setDraft((typed) => (typed.trim() === value ? typed : value)), [value]);
  const latest = useRef({ value, onChange });
  latest.current = { value, onChange };
  useEffect(() => {
    if (!isSearch) return;
    const timer = setTimeout(() => {
      const now = latest.current;
      if (draft.trim() !== now.value) now.onChange(draft.trim());
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [isSearch, draft]);
  const finish = () => {
    if (draft !== value) onChange(draft);
    setDraft(value); // what was refused goes back
  };
  return (
    <FieldFrame {...frame}>
      {(id, described) => (
        <input
          id={id}
          value={draft}
          inputMode={inputMode}
          disabled={disabled}
          autoComplete="off"
          spellCheck={false}
          aria-describedby={described}
          aria-invalid={frame.error ? true : undefined}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={finish}
          onKeyDown={(event) => {
            if (event.key === 'Enter') finish();
            if (event.key === 'Escape') setDraft(value);
          }}
        />
      )}
    </FieldFrame>
  );
}

type NumberProps = Frame & {
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
  readonly isOptional?: boolean;
  readonly disabled?: boolean;
};

/** A number, or nothing where that is allowed; other input is not taken over. */
export function NumberField({ value, onChange, isOptional = false, ...rest }: NumberProps) {
  const text = value === null ? '' : String(Math.round(value * 1000) / 1000);
  return (
    <TextField
      {...rest}
      value={text}
      inputMode="decimal"
      onChange={(draft) => {
        const trimmed = draft.trim().replace(',', '.');
        if (trimmed === '') {
          if (isOptional) onChange(null);
        } else if (Number.isFinite(Number(trimmed))) onChange(Number(trimmed));
      }}
    />
  );
}

type ChoiceProps<T extends string> = Frame & {
  readonly value: T;
  readonly options: readonly T[];
  readonly names: Readonly<Record<T, string>>;
  readonly onChange: (value: T) => void;
};

export function ChoiceField<T extends string>(props: ChoiceProps<T>) {
  const { value, options, names, onChange, ...frame } = props;
  return (
    <FieldFrame {...frame}>
      {(id, described) => (
        <select
          id={id}
          value={value}
          aria-describedby={described}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {options.map((option) => (
            <option key={option} value={option}>
              {names[option]}
            </option>
          ))}
        </select>
      )}
    </FieldFrame>
  );
}

type CheckProps = {
  readonly label: string;
  readonly value: boolean;
  readonly onChange: (v: boolean) => void;
};

export function CheckField({ label, value, onChange }: CheckProps) {
  return (
    <label className="check-field">
      <input type="checkbox" checked={value} onChange={(e) => onChange(e.target.checked)} />
      {label}
    </label>
  );
}

type SwitchProps<T extends string> = Omit<ChoiceProps<T>, 'hint' | 'error'>;

/** A few choices side by side. */
export function Segments<T extends string>({
  label,
  value,
  options,
  names,
  onChange,
}: SwitchProps<T>) {
  const group = useId();
  return (
    <fieldset className="segments">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option}>
          <input
            type="radio"
            name={group}
            checked={value === option}
            onChange={() => onChange(option)}
          />
          <span>{names[option]}</span>
        </label>
      ))}
    </fieldset>
  );
}
