import type { ImageOut } from '../../api/schema';
import { Button, IconButton } from '../../components/Button';
import { Icon } from '../../components/Icon';
import { PageHeader } from '../../components/PageHeader';
import { errorText, t } from '../../texts';
import type { Neighbours } from './going';
import type { ImageKeys } from './keys';
import type { useSaving } from './useSaving';

type ImageHeaderProps = {
  readonly image: ImageOut;
  readonly neighbours: Neighbours;
  readonly page: ImageKeys;
  readonly saving: ReturnType<typeof useSaving>;
  readonly onReload: () => void;
};

/** Which image, where in the list, and whether it is saved. */
export function ImageHeader({ image, neighbours, page, saving, onReload }: ImageHeaderProps) {
  const texts = t.annotate.image;
  const { state } = saving;
  const about = (
    <>
      {image.name} · {t.template.settings.size(image.width, image.height)}
      {neighbours.place && ` · ${neighbours.place}`}
    </>
  );
  return (
    <>
      <PageHeader title={t.nav.annotate} about={about}>
        <span role="status" className={`save-state save-${state.kind}`}>
          {t.annotate.save[state.kind]}
        </span>
        <IconButton icon="help" label={texts.keys} keys="?" onClick={page.help} />
        <IconButton
          icon="previous"
          label={texts.previous}
          keys="K"
          disabled={!neighbours.previous}
          onClick={() => page.step(-1)}
        />
        <IconButton
          icon="next"
          label={texts.next}
          keys="J"
          disabled={!neighbours.next}
          onClick={() => page.step(1)}
        />
        <Button aria-keyshortcuts="G" onClick={page.back}>
          <Icon name="grid" />
          {texts.back}
        </Button>
      </PageHeader>
      {state.kind === 'conflict' && (
        <div className="problem" role="alert">
          <p>{t.annotate.save.conflictText}</p>
          <Button
            onClick={() => {
              saving.discard();
              onReload();
            }}
          >
            {t.annotate.save.theirs}
          </Button>
          <Button onClick={() => void saving.overwrite()}>{t.annotate.save.mine}</Button>
        </div>
      )}
      {state.kind === 'failed' && (
        <div className="problem" role="alert">
          <p>{errorText(state.error)}</p>
          <Button onClick={() => void saving.flush()}>{t.annotate.save.retry}</Button>
        </div>
      )}
    </>
  );
}
