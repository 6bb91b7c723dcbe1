//! stub
use crate::{flow::world::World, ports::agent::SyncView};
/// x
#[derive(Debug)]
pub struct Sync {}
impl Sync {
    pub fn view(&self) -> SyncView {
        unimplemented!()
    }
    pub async fn sync_once(&self, _: &World, _: Option<&str>) {}
}
