import { Button } from '../../components/Button';
import { ChoiceField, NumberField, TextField } from '../../components/Field';
import { Icon } from '../../components/Icon';
import { useNotify } from '../../components/Toasts';
import {
  type Drawn,
  type Element,
  editRegion,
  elements,
  findElement,
  type Region,
  replaceRegions,
  resize,
} from '../../core/document';
import { type Bounds, boundsOf, pixelBounds } from '../../core/geometry';
import { chosenResolution, sizeAdvice, splitRectangle } from '../../core/resolution';
import { checkRegion, KINDS, RESOLUTIONS } from '../../core/template';
import { errorText, t } from '../../texts';
import { SizeAdviceView } from './SizeAdviceView';
import type { Editor } from './useEditor';

type PanelProps = { readonly editor: Editor; readonly smallest: number };

export function RegionPanel({ editor, smallest }: PanelProps) {
  const { doc, selection } = editor;
  const single = selection.length === 1 ? findElement(doc, selection[0] ?? '') : null;
  return (
    <>
      <RegionList editor={editor} smallest={smallest} />
      {single ? (
        <Properties key={single.drawn.key} element={single} editor={editor} smallest={smallest} />
      ) : (
        <p className="panel-note">
          {selection.length > 1
            ? t.template.properties.many(selection.length)
            : doc.regions.length > 0 && t.template.properties.none}
        </p>
      )}
    </>
  );
}

function RegionList({ editor, smallest }: PanelProps) {
  const { doc, selection } = editor;
  if (doc.regions.length === 0) return <p className="panel-note">{t.template.list.none}</p>;
  return (
    <ul className="region-list" aria-label={t.template.list.caption}>
      {elements(doc).map(({ drawn, role, owner }) => (
        <li key={drawn.key}>
          <button
            type="button"
            className={`region-row region-row-${role}`}
            aria-pressed={selection.includes(drawn.key)}
            onClick={(event) => {
              const isAdded = event.shiftKey || event.ctrlKey || event.metaKey;
              const others = selection.filter((key) => key !== drawn.key);
              if (!isAdded) editor.select([drawn.key]);
              else if (others.length < selection.length) editor.select(others);
              else editor.select([...selection, drawn.key]);
            }}
          >
            <Icon name={drawn.shape} />
            <span className="region-name">{nameOf(drawn, owner)}</span>
            {drawn.locked && <Icon name="lock" />}
            {drawn.locked && <span className="visually-hidden">{t.template.list.locked}</span>}
            <RowFigures drawn={drawn} smallest={smallest} isRegion={role === 'region'} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function nameOf(drawn: Drawn, owner: Region | null): string {
  if (!owner) return (drawn as Region).name;
  return t.template.list.exclusionNumber(
    owner.exclusions.findIndex((e) => e.key === drawn.key) + 1,
  );
}

function RowFigures(props: { drawn: Drawn; smallest: number; isRegion: boolean }) {
  const { width, height } = pixelBounds(props.drawn.points);
  const size = `${width} × ${height}`;
  if (!props.isRegion) return <span className="region-size">{size}</span>;
  const region = props.drawn as Region;
  const advice = sizeAdvice(region, chosenResolution(region, props.smallest), props.smallest);
  return (
    <>
      <span className="region-size">{size}</span>
      <span className={`badge badge-${advice.state}`}>{t.template.advice[advice.state]}</span>
    </>
  );
}

function Properties({ element, editor, smallest }: PanelProps & { readonly element: Element }) {
  const { drawn, owner, role } = element;
  return (
    <section className="properties" aria-label={t.template.selection}>
      {role === 'region' ? (
        <RegionFields region={drawn as Region} editor={editor} smallest={smallest} />
      ) : (
        <h3>{t.template.properties.exclusionOf(owner?.name ?? '')}</h3>
      )}
      <PlaceFields
        drawn={drawn}
        isLocked={drawn.locked || owner?.locked === true}
        editor={editor}
      />
      {role === 'region' && <Advice region={drawn as Region} editor={editor} smallest={smallest} />}
    </section>
  );
}

type Change = Parameters<typeof editRegion>[1];

function RegionFields({ region, editor }: PanelProps & { readonly region: Region }) {
  const notify = useNotify();
  const texts = t.template.properties;
  function edit(change: Change) {
    const others = editor.doc.regions.filter((r) => r.key !== region.key);
    const taken = new Set(others.flatMap((r) => [r.id, r.name]));
    const twice = [change.id, change.name].find((key) => key !== undefined && taken.has(key));
    if (change.name === '') return;
    if (twice !== undefined) {
      notify(t.errors.region_duplicate({ key: twice }), 'bad');
      return;
    }
    try {
      checkRegion({ ...region, ...change }, editor.doc.size);
      editor.run('edit', editRegion(region.key, change));
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }
  return (
    <>
      <TextField
        label={texts.name}
        value={region.name}
        onChange={(v) => edit({ name: v.trim() })}
      />
      <TextField label={texts.id} value={region.id} onChange={(v) => edit({ id: v.trim() })} />
      <div className="field-pair">
        <ChoiceField
          label={texts.kind}
          value={region.kind}
          options={KINDS}
          names={t.template.kinds}
          onChange={(kind) => edit({ kind })}
        />
        <ChoiceField
          label={texts.resolution}
          value={region.resolution}
          options={RESOLUTIONS}
          names={t.template.resolutions}
          onChange={(resolution) => edit({ resolution })}
        />
      </div>
      <NumberField
        label={texts.minArea}
        hint={texts.minAreaHint}
        isOptional
        value={region.minDefectAreaPx}
        onChange={(minDefectAreaPx) => edit({ minDefectAreaPx })}
      />
    </>
  );
}

type PlaceProps = { readonly drawn: Drawn; readonly isLocked: boolean; readonly editor: Editor };

function PlaceFields({ drawn, isLocked, editor }: PlaceProps) {
  const b = boundsOf(drawn.points);
  const texts = t.template.properties;
  const { width, height } = editor.doc.size;
  function place(change: Partial<Bounds>) {
    const to = { ...b, ...change };
    const w = Math.max(1, Math.min(width, to.width));
    const h = Math.max(1, Math.min(height, to.height));
    const x = Math.max(0, Math.min(width - w, to.x));
    const y = Math.max(0, Math.min(height - h, to.y));
    editor.run('resize', resize(drawn.key, { x, y, width: w, height: h }));
  }
  return (
    <fieldset className="place">
      <legend>{texts.place}</legend>
      {(['x', 'y', 'width', 'height'] as const).map((side) => (
        <NumberField
          key={side}
          label={texts[side]}
          value={b[side]}
          disabled={isLocked}
          onChange={(value) => value !== null && place({ [side]: value })}
        />
      ))}
    </fieldset>
  );
}

function Advice({ region, editor, smallest }: PanelProps & { readonly region: Region }) {
  const chosen = chosenResolution(region, smallest);
  const { split, state } = sizeAdvice(region, chosen, smallest);
  const canSplit = split.length > 0 && region.shape === 'rectangle';
  return (
    <>
      <SizeAdviceView region={region} smallest={smallest} />
      {state !== 'enough' && canSplit && (
        <Button
          disabled={region.locked}
          onClick={() =>
            editor.run(
              'split',
              replaceRegions((r) => (r.key === region.key ? splitRectangle(r, smallest) : [r])),
            )
          }
        >
          {t.template.advice.split(split.length)}
        </Button>
      )}
    </>
  );
}
