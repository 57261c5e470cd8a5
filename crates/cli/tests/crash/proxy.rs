//! One address for a server that has another one in each of its lives: what workers, which know only one, connect to.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::Lives;

/// Serves until the runtime ends. A connection is made to the server as it is then, or will be next; it ends with either side.
pub async fn start(life: watch::Receiver<Lives>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(pass_on(near, life.clone()));
        }
    });
    url
}

async fn pass_on(mut near: TcpStream, mut life: watch::Receiver<Lives>) {
    let address = match life.wait_for(|life| !life.is_empty()).await {
        Ok(life) => life.first().map(|(_, url)| url.trim_start_matches("http://").to_owned()),
        Err(_) => None,
    };
    // The server may be gone again; whoever connected sees that, and comes back.
    let Some(address) = address else { return };
    if let Ok(mut far) = TcpStream::connect(address).await {
        copy_bidirectional(&mut near, &mut far).await.ok();
    }
}
