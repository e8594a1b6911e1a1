//! Where a host is found: its directory, the leases in it, its socket and its card. Whoever cleans up behind it (a login's end takes the login's
//! runtime directory along) must not make it unreachable, so it is looked after and made again.

use tokio::{net::UnixListener, sync::mpsc};

use crate::{
    attach::{
        peer,
        sessions::{Card, ClaimError, Lease, socket_name},
        socket::{Folder, FolderError, default_folder},
    },
    cli::{current, notes::Notes, place::Place},
};

/// What other processes find a host by.
pub(super) struct Stand {
    place: Place,
    folder: Folder,
    session: Lease,
    /// Held, not used: one plan has one host.
    _plan: Lease,
    card: Card,
    /// For whoever looks in another directory; none once the host ends.
    notes: Option<Notes>,
    /// Where whoever lets people in hears of a socket that was made again.
    moves: mpsc::Sender<UnixListener>,
    /// Why it could not be made again, when that was tried last.
    told: Option<String>,
    /// Why the card could not be put up, when that was tried last.
    untold: Option<String>,
}

impl Stand {
    /// Puts up the host's card; `notes` tell whoever looks elsewhere. A disk without room for the card keeps no session from flying: the host
    /// listens, its account finds it by its notes, and it is tried again.
    pub(super) fn new(
        place: &Place,
        folder: Folder,
        (session, plan): (Lease, Lease),
        notes: Notes,
        card: Card,
        moves: mpsc::Sender<UnixListener>,
    ) -> Stand {
        let mut stand =
            Stand { place: place.clone(), folder, session, _plan: plan, card, notes: Some(notes), moves, told: None, untold: None };
        stand.put_up();
        stand
    }

    fn put_up(&mut self) {
        let why = self.folder.put_up(&self.session, &self.card).err().map(|error| error.to_string());
        if let Some(why) = why.as_ref().filter(|why| self.untold.as_ref() != Some(*why)) {
            tracing::warn!("other accounts can't find this host, for its card can't be put up; it is tried again: {why}");
        }
        self.untold = why;
    }

    /// Makes again what is not there any more as it was made.
    pub(super) async fn look_after(&mut self) {
        let Err(found) = self.folder.verify(&socket_name(&self.card.session)) else {
            self.told = None;
            // What stands there may be of the host before.
            if self.untold.is_some() || !self.folder.is_up(&self.session) {
                self.put_up();
            }
            return;
        };
        match self.make_again().await {
            Ok(()) => {
                tracing::warn!(%found, "the socket was made again in {}", self.folder.path().display());
                self.told = None;
            }
            Err(error) => {
                let why = error.to_string();
                if self.told.as_ref() != Some(&why) {
                    tracing::error!(%found, "the socket can't be made again, so nobody can join: {why}");
                }
                self.told = Some(why);
            }
        }
    }

    async fn make_again(&mut self) -> Result<(), ClaimError> {
        let folder = match self.place.own() {
            // With the login its whole runtime directory is gone.
            Err(FolderError::Io { .. }) if self.place.runtime_dir.is_none() => Folder::own(&default_folder(None, peer::own_uid()))?,
            folder => folder?,
        };
        // Of a directory that was made again, the leases are other ones.
        let claimed = match self.session.is_of(&folder) {
            true => None,
            false => Some((folder.claim_session(&self.card.session)?, folder.claim_plan(&current::path_hash(&self.card.plan_path))?)),
        };
        let listener = folder.listen_for(claimed.as_ref().map_or(&self.session, |(session, _)| session))?;
        self.folder = folder;
        if let Some((session, plan)) = claimed {
            (self.session, self._plan) = (session, plan);
        }
        self.put_up();
        if let Some(notes) = &self.notes {
            notes.moved(self.folder.path());
        }
        // Whoever lets people in ends with the host only.
        self.moves.send(listener).await.ok();
        Ok(())
    }

    /// Has nobody write notes any more: what is said of the session from now on, whoever comes next says.
    pub(super) fn leave_notes(&mut self) {
        if let Some(notes) = self.notes.take() {
            notes.end();
        }
    }

    /// Clears away all traces of the session; what is noted beside its journal stays, for the next host.
    pub(super) fn retire(self) {
        self.folder.retire(self.session);
    }
}
