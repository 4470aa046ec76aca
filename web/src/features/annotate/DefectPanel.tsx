import { useEffect, useId, useMemo, useState } from 'react';
import { IconButton } from '../../components/Button';
import { pixelBounds } from '../../core/geometry';
import { useDefectTypes } from '../../data/annotations';
import { t } from '../../texts';
import type { Mode } from './going';
import type { Labeller } from './useAnnotator';

type DefectPanelProps = {
  readonly labeller: Labeller;
  readonly mode: Mode;
  readonly type: string;
  readonly onType: (type: string) => void;
  readonly typeField: React.Ref<HTMLInputElement>;
  /** Keys go to the image again. */
  readonly onPointed: () => void;
};

export function DefectPanel({
  labeller,
  mode,
  type,
  onType,
  typeField,
  onPointed,
}: DefectPanelProps) {
  const { doc, selection } = labeller;
  const known = useDefectTypes().data;
  const types = useMemo(
    () =>
      [...new Set([...(known ?? []), ...doc.defects.map((d) => d.label), type])].filter(Boolean),
    [known, doc.defects, type],
  );
  const choose = (name: string) => {
    onType(name);
    if (name) labeller.relabel(name);
  };
  return (
    <section>
      <h2>{t.annotate.defects}</h2>
      {doc.defects.length === 0 && (
        <p className="field-hint">
          {t.annotate.noDefects} {mode === 'verdicts' && t.annotate.outlineFirst}
        </p>
      )}
      {doc.defects.length > 0 && (
        <ul className="verdict-list">
          {doc.defects.map((defect) => {
            const { width, height } = pixelBounds(defect.points);
            const label = defect.label || t.annotate.defaultType;
            return (
              <li key={defect.key} className={selection.includes(defect.key) ? 'is-chosen' : ''}>
                <button
                  type="button"
                  className="row-name"
                  aria-pressed={selection.includes(defect.key)}
                  onClick={(event) =>
                    labeller.select(
                      event.shiftKey || event.ctrlKey || event.metaKey
                        ? [...selection.filter((key) => key !== defect.key), defect.key]
                        : [defect.key],
                    )
                  }
                >
                  <span className="region-name">{label}</span>
                  <span className="region-size">{t.annotate.size(width, height)}</span>
                </button>
                <IconButton
                  icon="remove"
                  label={t.annotate.removeDefect(label)}
                  onClick={() => labeller.remove([defect.key])}
                />
              </li>
            );
          })}
        </ul>
      )}
      {(mode === 'outlines' || doc.defects.length > 0) && (
        <TypeField
          value={labeller.chosenDefects[0]?.label ?? type}
          types={types}
          inputRef={typeField}
          onChange={choose}
          onDone={onPointed}
        />
      )}
    </section>
  );
}

type TypeFieldProps = {
  readonly value: string;
  readonly types: readonly string[];
  readonly inputRef: React.Ref<HTMLInputElement>;
  readonly onChange: (type: string) => void;
  readonly onDone: () => void;
};

/** A name written anew, or one in use by a click. */
function TypeField({ value, types, inputRef, onChange, onDone }: TypeFieldProps) {
  const [draft, setDraft] = useState(value);
  const id = useId();
  useEffect(() => setDraft(value), [value]);
  const finish = () => draft.trim() !== value && onChange(draft.trim());
  return (
    <div className="field">
      <label htmlFor={id}>{t.annotate.type}</label>
      <input
        id={id}
        ref={inputRef}
        value={draft}
        list={`${id}-types`}
        placeholder={t.annotate.defaultType}
        autoComplete="off"
        maxLength={80}
        aria-keyshortcuts="T"
        aria-describedby={`${id}-hint`}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={finish}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setDraft(value);
          if (event.key !== 'Enter') return;
          finish();
          onDone();
        }}
      />
      <datalist id={`${id}-types`}>
        {types.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p id={`${id}-hint`} className="field-hint">
        {t.annotate.typeHint}
      </p>
      {types.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would need a visible legend
        <div className="type-chips" role="group" aria-label={t.annotate.types}>
          {types.slice(0, 24).map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === value}
              onClick={() => onChange(name)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
