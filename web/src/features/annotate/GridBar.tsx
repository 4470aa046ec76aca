import { useEffect, useState } from 'react';
import { Button, IconButton } from '../../components/Button';
import { Segments } from '../../components/Field';
import type { Label } from '../../core/sidecar';
import type { ImageFilter } from '../../data/images';
import { useMay } from '../../data/session';
import { t } from '../../texts';

const FILTERS = ['all', 'ok', 'ng', 'none'] as const;
type FilterName = (typeof FILTERS)[number];
const SEARCH_MS = 250;

type GridBarProps = {
  readonly filter: ImageFilter;
  readonly onFilter: (filter: ImageFilter) => void;
  readonly counts: Readonly<Record<FilterName, number>>;
  readonly chosen: number;
  readonly isBusy: boolean;
  readonly onJudge: (verdict: Label | null) => void;
  readonly onChooseAll: () => void;
  readonly onOpen: () => void;
  readonly onRemove: () => void;
};

/** Which images are shown, and what can be done with the chosen ones. */
export function GridBar(props: GridBarProps) {
  const { filter, onFilter, counts, chosen } = props;
  const mayRemove = useMay('upload');
  const isNone = chosen === 0 || props.isBusy;
  const why = chosen === 0 ? t.annotate.chooseFirst : undefined;
  const names = Object.fromEntries(
    FILTERS.map((name) => [name, t.annotate.filters[name](counts[name])]),
  ) as Record<FilterName, string>;
  return (
    <div className="edit-bar grid-bar">
      <Segments
        label={t.annotate.show}
        value={filter.label ?? 'all'}
        options={FILTERS}
        names={names}
        onChange={(name) => onFilter(withLabel(filter, name))}
      />
      <Search value={filter.name ?? ''} onChange={(name) => onFilter(withName(filter, name))} />
      {filter.not_size && (
        <Button
          look="quiet"
          icon="close"
          title={t.annotate.anySize}
          onClick={() => onFilter(withAnySize(filter))}
        >
          {t.annotate.sizesBut(filter.not_size.replace('x', ' x '))}
        </Button>
      )}
      <div className="bar-group grid-actions">
        <span className="chosen" role="status">
          {t.annotate.chosen(chosen)}
        </span>
        <Button look="quiet" onClick={props.onChooseAll} aria-keyshortcuts="Control+A">
          {t.annotate.chooseAll}
        </Button>
        {(['ok', 'ng', 'none'] as const).map((name) => (
          <Button
            key={name}
            className={`judge judge-${name}`}
            disabled={isNone}
            title={why ?? `${t.annotate.judge[name]} (${t.annotate.judgeKeys[name]})`}
            aria-keyshortcuts={t.annotate.judgeKeys[name]}
            onClick={() => props.onJudge(name === 'none' ? null : name)}
          >
            {t.annotate.judge[name]}
          </Button>
        ))}
        <Button
          disabled={chosen !== 1}
          title={why}
          aria-keyshortcuts="Enter"
          onClick={props.onOpen}
        >
          {t.annotate.open}
        </Button>
        {mayRemove && (
          <IconButton
            icon="remove"
            label={t.annotate.removal.act}
            keys="Delete"
            disabled={isNone}
            onClick={props.onRemove}
          />
        )}
      </div>
    </div>
  );
}

function withLabel(filter: ImageFilter, label: FilterName): ImageFilter {
  const { label: _, ...rest } = filter;
  return label === 'all' ? rest : { ...rest, label };
}

function withName(filter: ImageFilter, name: string): ImageFilter {
  const { name: _, ...rest } = filter;
  return name === '' ? rest : { ...rest, name };
}

function withAnySize(filter: ImageFilter): ImageFilter {
  const { not_size: _, ...rest } = filter;
  return rest;
}

/** Asks the server a little after the last letter. */
function Search(props: { readonly value: string; readonly onChange: (value: string) => void }) {
  const { value, onChange } = props;
  const [draft, setDraft] = useState(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed starts the wait
  useEffect(() => {
    if (draft === value) return;
    const wait = setTimeout(() => onChange(draft), SEARCH_MS);
    return () => clearTimeout(wait);
  }, [draft]);
  return (
    <input
      type="search"
      className="search"
      aria-label={t.images.search}
      placeholder={t.images.search}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
    />
  );
}
