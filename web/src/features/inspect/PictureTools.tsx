import type { ViewControl } from '../../canvas/useSharedView';
import { IconButton } from '../../components/Button';
import type { Bounds } from '../../core/geometry';
import { t } from '../../texts';

export type Shown = { readonly heat: boolean; readonly outlines: boolean };

type PictureToolsProps = {
  readonly control: ViewControl;
  readonly shown: Shown;
  readonly onShown: (shown: Shown) => void;
  /** Where something is outlined. */
  readonly places: readonly Bounds[];
};

/** Layers on and off, closer and further; the same for one picture and for two. */
export function PictureTools({ control, shown, onShown, places }: PictureToolsProps) {
  const texts = t.inspect.view;
  return (
    <div className="picture-tools">
      <IconButton
        icon="heat"
        label={texts.heat}
        keys="H"
        aria-pressed={shown.heat}
        onClick={() => onShown({ ...shown, heat: !shown.heat })}
      />
      <IconButton
        icon="outline"
        label={texts.outlines}
        keys="X"
        aria-pressed={shown.outlines}
        onClick={() => onShown({ ...shown, outlines: !shown.outlines })}
      />
      <IconButton icon="zoomIn" label={texts.zoomIn} keys="+" onClick={control.zoomIn} />
      <IconButton icon="zoomOut" label={texts.zoomOut} keys="-" onClick={control.zoomOut} />
      <IconButton
        icon="place"
        label={texts.place}
        keys="Z"
        disabled={places.length === 0}
        onClick={() => control.showNext(places)}
      />
      <IconButton icon="whole" label={texts.whole} keys="0" onClick={control.showAll} />
    </div>
  );
}

/** H and X; null when the key is another one. */
export function shownByKey(key: string, shown: Shown): Shown | null {
  if (key === 'h' || key === 'H') return { ...shown, heat: !shown.heat };
  if (key === 'x' || key === 'X') return { ...shown, outlines: !shown.outlines };
  return null;
}
